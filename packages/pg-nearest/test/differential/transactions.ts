import { draft, type Draft, type Drafter } from './draft.ts'

const BEGINS: readonly Drafter[] = [
  () => begins('begin'),
  () => begins('begin'),
  () => begins('BEGIN;'),
  () => begins('start transaction'),
  () => begins('begin isolation level repeatable read'),
  () => begins('begin isolation level serializable'),
  () => begins('begin read only', true),
  () => begins('start transaction isolation level repeatable read, read only', true),
  () => begins('begin isolation level serializable read only deferrable', true),
  () => begins('begin read write'),
  () => begins("begin; insert into notes (body) values ('in')"),
  () => begins('begin; select 1/0; commit', true),
  () => begins("begin; insert into notes (body) values ('in'); commit; begin"),
  () => draft("begin; insert into notes (body) values ('whole'); commit"),
  () => draft("begin; insert into notes (body) values ('undone'); rollback; select 1 as after"),
  () => begins('begin transaction isolation level nonsense', true),
]

const ENDS: readonly Drafter[] = [
  () => ends('commit'),
  () => ends('commit'),
  () => ends('commit'),
  () => ends('rollback'),
  () => ends('rollback'),
  () => ends('end'),
  () => ends('abort'),
  () => begins('commit and chain', true),
  () => begins('rollback and chain', true),
  () => ends("insert into notes (body) values ('last'); commit", true),
  () => ends('commit; select 1 as after'),
]

const INSIDE: readonly Drafter[] = [
  ({ random }) => draft(`savepoint s${random.integer(2)}`),
  ({ random }) => draft(`savepoint s${random.integer(2)}`),
  ({ random }) => draft(`rollback to s${random.integer(2)}`, { mayFail: true }),
  ({ random }) => draft(`rollback to savepoint s${random.integer(2)}`, { mayFail: true }),
  ({ random }) => draft(`release s${random.integer(2)}`, { mayFail: true }),
  () => draft('set constraints all immediate', { mayFail: true }),
  () => draft('insert into pairs values (3, 1)', { mayFail: true }),
  () => draft('update pairs set k = 1 where id = 2'),
  () => draft('set transaction isolation level serializable', { mayFail: true }),
  () => draft('set transaction read only', { mayFail: true }),
  () => draft("set local app.who = 'inside'"),
  () => draft('lock table hits in share mode'),
  ({ unique }) =>
    draft(`create temp table d_${unique} on commit drop as select 1 as a`, { mayFail: true, leaves: true }),
]

/** Control of transactions, most of it where it belongs. */
export const control: Drafter = (context) => {
  const { random, open } = context
  const misplaced = random.chance(0.08)
  if (open !== misplaced) return random.pick(random.chance(0.55) ? ENDS : INSIDE)(context)
  return random.pick(BEGINS)(context)
}

function begins(text: string, mayFail?: true): Draft {
  return draft(text, { transaction: 'begins', ...(mayFail === undefined ? {} : { mayFail }) })
}

function ends(text: string, mayFail?: true): Draft {
  return draft(text, { transaction: 'ends', ...(mayFail === undefined ? {} : { mayFail }) })
}
