import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'

/** As often as it can: what it does at all must be right each time. */
const EAGER = { percentile: 0.1, budget: 1 }
const STATEMENTS = 8

/** What a hedge may never do is run a write in both of its legs, and only the server knows what a function does. */
let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 40 })
  await ask(
    world.url('nrt'),
    `create table runs (id text not null);
     create table switches (writes boolean not null);
     insert into switches values (false);
     create sequence attempts;
     create function put(id text) returns text language sql volatile as 'insert into runs values (id) returning id';
     create function take_number_slowly() returns int language plpgsql volatile as
       $$ begin perform nextval('attempts'); perform pg_sleep(0.15); return 1; end $$;
     create function take_number() returns bigint language sql volatile as $$ select nextval('attempts') $$;
     create function fail() returns int language plpgsql volatile as
       $$ begin perform nextval('attempts'); raise exception 'no' using errcode = 'P0001'; end $$;
     create function put_if_on(id text) returns text language plpgsql volatile as
       'begin if (select writes from switches) then insert into runs values (id); end if; return id; end';
     create view numbers as select take_number() as n`,
  )
  await caughtUp(world)
})
let eager: NearestPool
beforeAll(async () => {
  eager = await hedgingPool('ord')
})
afterAll(async () => {
  await eager?.destroy()
  await world?.stop()
})
beforeEach(async () => {
  await ask(world.url('nrt'), 'truncate runs; alter sequence attempts restart; update switches set writes = false')
  await caughtUp(world)
})

/** A pool that has seen enough reads to know what is slow. */
async function hedgingPool(region: string, hedge: true | typeof EAGER = EAGER): Promise<NearestPool> {
  const pool = createPool({ ...world.poolOptions(region), hedge })
  await pool.refresh()
  await pool.primary.query('select 1')
  // With `true` each read saves up a twentieth of a hedge.
  const reads = hedge === true ? 240 : 60
  for (let i = 0; i < reads; i++) await pool.query('select 1')
  return pool
}

/** Those that ran more than once, or not at all. */
async function notOnce(ids: readonly string[]): Promise<unknown[]> {
  const rows = await ask<{ id: string; times: number }>(
    world.url('nrt'),
    'select id, count(*)::int as times from runs group by id',
  )
  const times = new Map(rows.map((row) => [row.id, row.times]))
  return ids.map((id) => ({ id, times: times.get(id) ?? 0 })).filter((each) => each.times !== 1)
}

async function numbersTaken(): Promise<number> {
  const [row] = await ask<{ n: number }>(
    world.url('nrt'),
    'select (case when is_called then last_value else 0 end)::int as n from attempts',
  )
  return row?.n ?? -1
}

const idsOf = (kind: string): string[] => Array.from({ length: STATEMENTS }, (_, i) => `${kind} ${i}`)

describe('a statement that is hedged and turns out to write runs once', () => {
  test('a function that inserts, in texts seen for the first time', async () => {
    const ids = idsOf('put')
    for (const id of ids) await settled(eager.query(`select put('${id}')`), id)
    expect(await notOnce(ids)).toEqual([])
  })

  test('the same with hedge: true', async () => {
    await using pool = await hedgingPool('ord', true)
    const ids = [...idsOf('default'), ...idsOf('as default')]
    for (const id of ids) await settled(pool.query(`select put('${id}')`), id)
    expect(await notOnce(ids)).toEqual([])
  })

  test('several at once', async () => {
    const ids = idsOf('together')
    await settled(Promise.all(ids.map((id) => eager.query(`select put('${id}')`))), 'all of them')
    expect(await notOnce(ids)).toEqual([])
  })

  test('in a session of its own', async () => {
    const session = eager.session()
    const ids = idsOf('session')
    for (const id of ids) await settled(session.query(`select put('${id}')`), id)
    expect(await notOnce(ids)).toEqual([])
  })

  test.each([
    { name: 'a function that takes a number from a sequence', text: 'select take_number()' },
    { name: 'a view that does', text: 'select n from numbers' },
  ])('$name', async ({ text }) => {
    for (let i = 0; i < STATEMENTS; i++) await settled(eager.query(`${text} /* ${text.length} ${i} */`), text)
    expect(await numbersTaken()).toBe(STATEMENTS)
  })

  test('a function that raises an error', async () => {
    for (let i = 0; i < STATEMENTS; i++) {
      expect(await rejectionOf(eager.query(`select fail() /* ${i} */`), 'the call')).toMatchObject({ code: 'P0001' })
    }
    expect(await numbersTaken()).toBe(STATEMENTS)
  })

  test('where the primary is asked first, and the replica is the hedge', async () => {
    await using pool = await hedgingPool('nrt')
    for (let i = 0; i < 6; i++) await settled(pool.query(`select take_number_slowly() /* ${i} */`), 'the call')
    expect(await numbersTaken()).toBe(6)
  })

  test('a text that only read for a while', async () => {
    const call = (id: string) => settled(eager.query('select put_if_on($1)', [id]), id)
    for (let i = 0; i < 30; i++) await call('off')
    await ask(world.url('nrt'), 'update switches set writes = true')
    await caughtUp(world, eager)
    const ids = idsOf('on')
    for (const id of ids) await call(id)
    expect(await notOnce(ids)).toEqual([])
  })
})

test('a slow read is still hedged, and both legs give up their connections', async () => {
  const { rows } = await settled(eager.query("select 'slow' as was, pg_sleep(0.2)"), 'the read')
  expect(rows).toMatchObject([{ was: 'slow' }])
  await until(() => eager.totalCount === eager.idleCount, 'all connections to be back')
})
