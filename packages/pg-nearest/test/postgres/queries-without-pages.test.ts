import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** `rows: 0` and `rows: null` are no pages for pg, which sends its Sync at once: a second one behind an error shifts all answers by one. */
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 2 })
  await ask(world.url('nrt'), 'create table notes (id int primary key)')
  await ask(world.url('nrt'), 'insert into notes values (1)')
})
afterAll(async () => {
  await pools.destroyAll()
  await world?.stop()
})

const makers = {
  pg: () => new pg.Pool({ connectionString: world.url('nrt'), max: 1 }),
  'one database': () => pools.create({ primary: world.url('nrt'), max: 1 }) as unknown as pg.Pool,
  'with a replica': () => pools.create({ ...world.poolOptions('ord'), max: 1 }) as unknown as pg.Pool,
}
const told = (p: Promise<pg.QueryResult>): Promise<unknown> =>
  Promise.race([
    p.then(
      ({ rows, rowCount }) => ({ rows, rowCount }),
      (error: Error & { code?: string }) => error.code ?? error.message,
    ),
    new Promise((resolve) => setTimeout(resolve, 3_000, 'never')),
  ])
const end = (pool: pg.Pool): Promise<unknown> => Promise.race([pool.end(), new Promise((r) => setTimeout(r, 2000))])

test.each(Object.keys(makers) as (keyof typeof makers)[])('%s: nobody gets the rows of another', async (which) => {
  const pool = makers[which]()
  pool.on('error', () => undefined)
  await pool.query('select 0')
  const got = await Promise.all([
    told(pool.query({ text: 'select 1/0 from notes for update', rows: 0 } as never)),
    told(pool.query('select id as secret_of_a, pg_sleep(0.1)::text from notes for update')),
    told(pool.query("select 'b' as mine from notes for update")),
    told(pool.query("select 'c' as mine from notes for update")),
  ])
  await end(pool)
  expect(got).toEqual([
    '22012',
    { rows: [{ secret_of_a: 1, pg_sleep: '' }], rowCount: 1 },
    { rows: [{ mine: 'b' }], rowCount: 1 },
    { rows: [{ mine: 'c' }], rowCount: 1 },
  ])
})

test.each(Object.keys(makers) as (keyof typeof makers)[])('%s: nobody gets the outcome of another', async (which) => {
  const pool = makers[which]()
  pool.on('error', () => undefined)
  await ask(world.url('nrt'), 'delete from notes where id > 1')
  await pool.query('select 0')
  const got = await Promise.all([
    told(pool.query({ text: 'update notes set id = 1/0', rows: null } as never)),
    // Waits, and is a duplicate.
    told(pool.query('insert into notes select 1 from pg_sleep(0.1)')),
    told(pool.query('insert into notes values (2)')),
    told(pool.query('select 3 as n from notes where id = 1 for update')),
  ])
  await end(pool)
  const stored = await ask<{ id: number }>(world.url('nrt'), 'select id from notes order by id')
  expect({ got, stored }).toEqual({
    got: ['22012', '23505', { rows: [], rowCount: 1 }, { rows: [{ n: 3 }], rowCount: 1 }],
    stored: [{ id: 1 }, { id: 2 }],
  })
})

test.each(['pg', 'one database'] as const)('%s: the same behind a pg.Query with rows: 0', async (which) => {
  await ask(world.url('nrt'), 'delete from notes where id > 1')
  const pool = makers[which]()
  pool.on('error', () => undefined)
  await pool.query('select 0')
  const failing = new pg.Query({ text: 'select 1/0 from notes for update', rows: 0 } as never)
  const heard = new Promise((resolve) => {
    ;(failing as unknown as { on(event: string, listener: (error: { code: string }) => void): void }).on(
      'error',
      ({ code }) => resolve(code),
    )
  })
  const client = await pool.connect()
  client.query(failing as never)
  const got = await Promise.all([
    heard,
    told(client.query('select 1 as a, pg_sleep(0.1)::text from notes for update')),
    told(client.query("select 'b' as mine from notes for update")),
    told(client.query("select 'c' as mine from notes for update")),
  ])
  client.release()
  await end(pool)
  expect(got).toEqual([
    '22012',
    { rows: [{ a: 1, pg_sleep: '' }], rowCount: 1 },
    { rows: [{ mine: 'b' }], rowCount: 1 },
    { rows: [{ mine: 'c' }], rowCount: 1 },
  ])
})
