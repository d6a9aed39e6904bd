import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { ask, withUsers } from './fixtures.ts'

/** Transactions statement by statement, on a borrowed client and on pg's own with the primary alone: the answers are the same. */
let world: World
let pool: NearestPool
let alone: pg.Client
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
  pool = createPool(world.poolOptions('ord'))
  await pool.refresh()
  alone = new pg.Client({ connectionString: world.url('nrt') })
  await alone.connect()
})
afterAll(async () => {
  await alone?.end()
  await pool?.destroy()
  await world?.stop()
})
beforeEach(() => ask(world.url('nrt'), "delete from users where name like 'Chained%'"))

const UNSENDABLE = { text: 'select $1::jsonb', values: [{ big: 1n }] }
/** Two texts with one name: pg refuses the second before it writes anything. */
const NAMED = [
  { name: 'both', text: 'select 1 as n' },
  { name: 'both', text: 'select 2 as n' },
] as const
const AGAIN = { name: 'again', text: 'select 1 as n' }
const NAME_ALONE = { name: 'again' } as pg.QueryConfig
const ADD = "insert into users (name) values ('Chained ' || gen_random_uuid()) returning age"
const REPEATABLE = 'begin isolation level repeatable read read only'
const SERIALIZABLE = 'set transaction isolation level serializable'

const SET_REPEATABLE = 'set transaction isolation level repeatable read'
const ISOLATION = 'show transaction_isolation'
const ONE = 'select 1 as n'
/** Only the primary answers these, in a READ ONLY transaction, too. */
const MOVES = 'select pg_is_in_recovery() as replica'
const LOCKS = 'lock table users in share mode'

type Program = readonly (string | pg.QueryConfig)[]

const PROGRAMS: readonly Program[] = [
  ['begin read only', 'select 1 as n', 'commit and chain', 'select 2 as n', ADD, 'rollback'],
  ['begin read only', 'select 1 as n', 'abort and chain', ADD, 'rollback'],
  ['begin read only', 'select 1/0', 'commit and chain', ADD, 'commit', 'select 1 as n'],
  ['begin read only', 'select 1/0', 'abort work and chain', ADD, 'commit and chain', ADD, 'rollback'],
  ['begin read only', 'select hit()', 'rollback and chain', 'select 1 as n', 'select hit() > 0 as hit', 'rollback'],
  [REPEATABLE, 'select 1/0', 'end and chain', 'show transaction_isolation', ADD],
  ['begin', 'select 1/0', 'rollback and chain', ADD, 'rollback and chain', ADD, 'rollback'],
  ['begin read only', 'commit and chain', ADD, 'rollback and chain', ADD, 'rollback and chain', ADD, 'rollback'],
  ['begin read only', 'rollback and chain', 'select hit()', 'commit and chain', 'select 1 as n', ADD, 'rollback'],
  ['begin read only', 'commit and chain', 'select 1/0', 'rollback and chain', ADD, 'rollback and chain', ADD],
  [REPEATABLE, 'commit and chain', 'select 1/0', 'end and chain', 'show transaction_isolation', ADD, 'rollback'],
  [REPEATABLE, 'commit and chain', ADD, 'end and chain', 'show transaction_isolation', ADD, 'rollback'],
  ['begin read only', 'commit and chain', 'set transaction read write', ADD, 'rollback and chain', ADD, 'rollback'],
  ['begin read only', 'commit and chain', "set local app.a = '1'", ADD, 'rollback and chain', ADD, 'rollback'],
  ['begin read only', 'commit and chain', 'savepoint a', ADD, 'rollback and chain', ADD, 'rollback'],
  ['begin read only', 'savepoint a', 'commit and chain', 'select 1/0', 'rollback and chain', ADD, 'rollback'],
  ['begin read only', 'savepoint a', 'select 1/0', 'rollback and chain', ADD, 'rollback'],
  ['begin read only', 'savepoint a', ADD, 'commit and chain', ADD, 'commit and chain', ADD, 'rollback'],
  [REPEATABLE, 'savepoint a', 'select 1/0', 'rollback to a', ADD, 'end and chain', 'show transaction_isolation', ADD],
  ['begin read only', 'set transaction read only', SERIALIZABLE, 'show transaction_isolation', 'rollback'],
  ['begin read only', 'set transaction read only', 'select 1 as n', 'set transaction read write', ADD, 'rollback'],
  ['begin read only', 'begin isolation level repeatable read', MOVES, ISOLATION, 'rollback'],
  ['begin read only', 'explain (costs off) select 1', LOCKS, ADD, 'rollback'],
  ['begin read only', 'begin deferrable', 'commit and chain', MOVES, 'show transaction_deferrable', 'rollback'],
  ['begin read only', 'set local transaction isolation level repeatable read', 'end and chain', MOVES, ISOLATION],
  [
    'begin read only',
    'commit and chain',
    SET_REPEATABLE,
    'select 1/0',
    'end and chain',
    ISOLATION,
    ONE,
    LOCKS,
    ISOLATION,
  ],
  ['begin read only', ONE, 'set local transaction_read_only = off', ADD, 'rollback'],
  ['begin read only', "set transaction_read_only to 'off'", ADD, 'rollback', ONE],
  ...[
    "set transaction_read_only = off /* traceparent='1' */",
    '-- by its name\nset transaction_read_only = off',
    'set "transaction_read_only" = off',
    "set transaction_read_only = E'off'",
    'set transaction_read_only to default',
    "select set_config('transaction_read_only', 'off', true)",
    { text: 'select set_config($1, $2, true)', values: ['transaction_read_only', 'off'] },
    `set transaction_read_only = off; ${ADD}`,
  ].map((mode): Program => ['begin read only', ONE, mode, ADD, 'rollback']),
  ['begin read only', ONE, 'show transaction_read_only', ADD, 'rollback'],
  // What moves the transaction does not make it one that has just begun.
  ...[
    'set statement_timeout = 5000',
    'listen a',
    'unlisten *',
    'lock table users in share mode',
    'reset statement_timeout',
    "set application_name = 'a'",
    'set role none',
    'set session authorization default',
    'set session characteristics as transaction read only',
    MOVES,
  ].map((moves): Program => ['begin read only', ONE, moves, 'set transaction read write', ADD, 'rollback']),
  ['begin read only', 'listen a', 'set transaction read write', ADD, 'rollback'],
  ['begin read only', ONE, 'listen a', 'set transaction_read_only = off', ADD, 'rollback'],
  ['begin read only', ONE, 'listen a', 'begin read write', ADD, 'rollback'],
  ['begin read only', ONE, 'listen a', SET_REPEATABLE, 'rollback'],
  ['begin read only', ONE, 'set U&"transaction\\005fread_only" = off', ADD, 'rollback'],
  ['begin read only', ONE, MOVES, 'commit and chain', SET_REPEATABLE, MOVES, ISOLATION, 'rollback'],
  ['begin read only', { text: `${MOVES}, $1::text as t`, values: ['transaction_read_only'] }, 'rollback'],
  ...["\n  set local app.a = '1'", "-- c\nset local app.a = '1'", ' show work_mem'].map((setting): Program => [
    'begin read only',
    setting,
    LOCKS,
    'set transaction read write',
    ADD,
    'rollback',
  ]),
  // No query, however it is written.
  ...[
    "set local app.a = 'a; b'",
    "set local app.a = '1'; -- c",
    '/* /* c */ */ show work_mem;',
    '/* /* c */ */',
  ].flatMap((setting): Program[] => [
    ['begin read only', setting, LOCKS, 'set transaction read write', ADD, 'rollback'],
    ['begin read only', setting, SET_REPEATABLE, ISOLATION, 'rollback'],
  ]),
  ['begin read only', "select 'copy', 'stdin'", LOCKS, 'set transaction read write', ADD, 'rollback'],
  // By its name alone, on whatever connection.
  ['begin read only', AGAIN, NAME_ALONE, MOVES, NAME_ALONE, 'commit', NAME_ALONE],
  ['begin', UNSENDABLE, SERIALIZABLE, 'show transaction_isolation', 'rollback'],
  ['begin', UNSENDABLE, UNSENDABLE, ADD, 'rollback'],
  ['begin', NAMED[0], 'rollback', 'begin', NAMED[1], SERIALIZABLE, 'show transaction_isolation', 'commit'],
  ['begin', NAMED[0], 'commit', 'begin', SERIALIZABLE, NAMED[1], NAMED[0], 'rollback'],
  ['begin read only', UNSENDABLE, SERIALIZABLE, 'rollback'],
  ['begin', SERIALIZABLE, UNSENDABLE, 'select 1 as n', 'commit'],
  ['begin', 'savepoint a', UNSENDABLE, SERIALIZABLE, 'rollback to a', 'select 1 as n', 'commit'],
]

/** What becomes of a name depends on how what was given with it before has ended. */
const NAMES: readonly Program[] = ['selct 1', 'select 1 from missing', 'select 1 / (random() * 0)::int as n'].map(
  (text, i) => [
    { name: `failed ${i}`, text },
    { name: `failed ${i}`, text: 'select 2 as n' },
    { name: `failed ${i}` } as pg.QueryConfig,
  ],
)

function textOf(program: Program): string {
  return program.map((each) => (typeof each === 'string' ? each : (each.name ?? 'unsendable'))).join(' | ')
}

/** What a client answers, in order. */
async function play(run: (config: pg.QueryConfig) => Promise<pg.QueryResult>, program: Program, awaited: boolean) {
  const answers: Promise<unknown>[] = []
  for (const each of program) {
    const answer = run(typeof each === 'string' ? { text: each } : each).then(
      ({ command, rows }) => ({ command, rows }),
      (error: { readonly code?: unknown }) => error.code ?? 'not sent',
    )
    answers.push(answer)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    if (awaited) await answer
  }
  return Promise.all(answers)
}

describe.each([
  { name: 'awaited', awaited: true },
  { name: 'not awaited', awaited: false },
])('$name', ({ awaited }) => {
  test.each([...PROGRAMS, ...(awaited ? NAMES : [])].map((program) => ({ program, name: textOf(program) })))(
    '$name',
    async ({ program }) => {
      // A session that has written asks for positions.
      await pool.session(undefined, async () => {
        await pool.query('update users set age = age')
        const theirs = await play((config) => alone.query(config), program, awaited)
        await alone.query('rollback')
        const client = await pool.connect()
        const ours = await play((config) => client.query(config), program, awaited)
        client.release()
        expect(ours).toEqual(theirs)
      })
    },
  )
})
