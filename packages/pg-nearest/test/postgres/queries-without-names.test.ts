import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** An empty name, and `null`, are no names for pg. */
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', rtt: 2 })
  await ask(world.url('nrt'), 'create table notes (id int primary key)')
})
afterAll(async () => {
  await pools.destroyAll()
  await world?.stop()
})
const makers = {
  pg: () => new pg.Pool({ connectionString: world.url('nrt'), max: 1 }),
  nearest: () => pools.create({ primary: world.url('nrt'), max: 1 }) as unknown as pg.Pool,
}
const told = (p: Promise<pg.QueryResult>): Promise<unknown> =>
  Promise.race([
    p.then(
      ({ rows }) => rows as unknown,
      (error: Error & { code?: string }) => error.code ?? error.message,
    ),
    new Promise((resolve) => setTimeout(resolve, 3_000, 'never')),
  ])
const end = (pool: pg.Pool): Promise<unknown> => Promise.race([pool.end(), new Promise((r) => setTimeout(r, 2000))])

test.each((['pg', 'nearest'] as const).flatMap((which) => ['', null].map((name) => [which, name] as const)))(
  '%s: on a client, a name that is none: %j',
  async (which, name) => {
    const pool = makers[which]()
    const client = await pool.connect()
    const got = []
    for (const n of [1, 2, 3]) got.push(await told(client.query({ name, text: `select ${n} as n` } as never)))
    client.release()
    await end(pool)
    expect(got).toEqual([1, 2, 3].map((n) => [{ n }]))
  },
)

test.each((['pg', 'nearest'] as const).flatMap((which) => ['', null].map((name) => [which, name] as const)))(
  '%s: on the pool, a name that is none: %j',
  async (which, name) => {
    const pool = makers[which]()
    const got = []
    for (const n of [1, 2, 3]) got.push(await told(pool.query({ name, text: `select ${n} as n` } as never)))
    await end(pool)
    expect(got).toEqual([1, 2, 3].map((n) => [{ n }]))
  },
)

test.each((['pg', 'nearest'] as const).flatMap((which) => ['', null].map((name) => [which, name] as const)))(
  '%s: in a transaction, a write with a name that is none: %j',
  async (which, name) => {
    const pool = makers[which]()
    await ask(world.url('nrt'), 'truncate notes')
    const client = await pool.connect()
    const got = []
    got.push(await told(client.query('begin')))
    for (const n of [1, 2])
      got.push(await told(client.query({ name, text: `insert into notes values (${n}) returning id` } as never)))
    got.push(await told(client.query('commit')))
    client.release()
    await end(pool)
    const stored = await ask(world.url('nrt'), 'select id from notes order by id')
    expect({ got, stored }).toEqual({ got: [[], [{ id: 1 }], [{ id: 2 }], []], stored: [{ id: 1 }, { id: 2 }] })
  },
)
