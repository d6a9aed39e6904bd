import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { from, to } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** `query_timeout` and `timeoutMs` of what speaks the protocol itself. */
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(world.url('nrt'), 'create table orders (id text)')
})
afterAll(() => world?.stop())
beforeEach(() => caughtUp(world))
afterEach(() => pools.destroyAll())

const LIMIT_MS = 400
const WHERE = ['one database', 'several servers'] as const

function app(where: string, options: { readonly query_timeout?: number; readonly timeoutMs?: number }): NearestPool {
  return pools.create({
    ...(where === 'one database' ? { primary: world.url('nrt') } : world.poolOptions('ord')),
    ...options,
  })
}

type Able = Pick<NearestPool, 'query'>
const done = 'it was done'

/** Resolves with its error. */
function byQuery(on: Able, text: string, queryTimeoutMs?: number): Promise<unknown> {
  const query = new pg.Query(text)
  if (queryTimeoutMs !== undefined) Reflect.set(query, 'query_timeout', queryTimeoutMs)
  return new Promise((resolve) => {
    const given = on.query(query) as unknown
    if (given instanceof Promise) return void given.then(() => resolve(done), resolve)
    query.once('error', resolve).once('end', () => resolve(done))
  })
}
const byCursor = (on: Able, text: string): Promise<unknown> =>
  on
    .query(new Cursor(text))
    .read(1)
    .then(
      () => done,
      (error: unknown) => error,
    )
const ended = (stream: NodeJS.EventEmitter): Promise<unknown> =>
  new Promise((resolve) => {
    stream
      .once('error', resolve)
      .once('end', () => resolve(done))
      .once('finish', () => resolve(done))
  })
const byStream = (on: Able, text: string): Promise<unknown> => ended(on.query(new QueryStream(text)).resume())
const byCopy = (on: Able, text: string): Promise<unknown> => ended(on.query(to(`copy (${text}) to stdout`)).resume())

const WAYS = [
  { name: 'a pg.Query', way: byQuery },
  { name: 'a cursor', way: byCursor },
  { name: 'a stream', way: byStream },
  { name: 'a COPY', way: byCopy },
]
let serial = 0
const slow = (): string => `select pg_sleep(4), 'slow ${++serial}' as mark`
async function isRunning(text: string): Promise<boolean> {
  const like = `%${text.slice(text.indexOf("'") + 1, text.lastIndexOf("'"))}%`
  const find = `select from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query like '${like}'`
  const counts = await Promise.all(['nrt', 'ord'].map(async (name) => (await ask(world.url(name), find)).length))
  return counts.some((count) => count > 0)
}

interface Told {
  readonly error: unknown
  readonly ms: number
}
async function timed(telling: Promise<unknown>): Promise<Told> {
  const begun = performance.now()
  const error = await settled(telling, 'the error', 10_000)
  return { error, ms: performance.now() - begun }
}
/** Well before the server is done. */
function expectTold({ error, ms }: Told, what: object): void {
  expect(error).toMatchObject(what)
  expect(ms).toBeGreaterThan(LIMIT_MS - 50)
  expect(ms).toBeLessThan(3_000)
}
const READ_TIMEOUT = { message: 'Query read timeout' }

describe.each(WHERE)('with %s', (where) => {
  test.each(WAYS)('query_timeout ends $name of a borrowed client, on the server too', async ({ way }) => {
    const client = await app(where, { query_timeout: LIMIT_MS }).connect()
    const text = slow()
    expectTold(await timed(way(client, text)), READ_TIMEOUT)
    await until(async () => !(await isRunning(text)), 'it to be cancelled')
    expect((await client.query('select 1 as one')).rows, 'the client goes on').toEqual([{ one: 1 }])
    client.release()
  })

  test.each(WAYS)('timeoutMs of the pool ends $name, on the server too', async ({ way }) => {
    const pool = app(where, { timeoutMs: LIMIT_MS })
    const text = slow()
    expectTold(await timed(way(pool, text)), { code: 'NEAREST_TIMEOUT' })
    await until(async () => !(await isRunning(text)), 'it to be cancelled')
  })

  test('query_timeout of a pg.Query itself', async () => {
    const pool = app(where, {})
    expectTold(await timed(byQuery(pool, slow(), LIMIT_MS)), READ_TIMEOUT)
    expect(await byQuery(pool, 'select 1', LIMIT_MS)).toBe(done)
  })

  test('in a transaction, that can be rolled back, and its client goes on', async () => {
    // Its own limit and not the pool's, within which a busy machine need not begin.
    const client = await app(where, {}).connect()
    await client.query('begin')
    await client.query("insert into orders values ('rolled back')")
    const text = `insert into orders ${slow().replace('pg_sleep(4), ', '').replace(' as mark', ' from pg_sleep(4)')}`
    expectTold(await timed(byQuery(client, text, LIMIT_MS)), READ_TIMEOUT)
    await expect(client.query('select 1')).rejects.toMatchObject({ code: '25P02' })
    await client.query('rollback')
    expect((await client.query('select from orders')).rowCount).toBe(0)
    client.release()
  })

  test('one that waits behind another one leaves the queue', async () => {
    const client = await app(where, {}).connect()
    const first = client.query('select pg_sleep(1.5)')
    const told = await timed(byQuery(client, "insert into orders values ('too late')", LIMIT_MS))
    expectTold(told, READ_TIMEOUT)
    expect(told.ms).toBeLessThan(1_300)
    await first
    expect((await client.query('select from orders')).rowCount).toBe(0)
    client.release()
  })

  test('a stream that is read slowly is not ended', async () => {
    const client = await app(where, { query_timeout: LIMIT_MS }).connect()
    const stream = client.query(
      new QueryStream('select generate_series(1, 4) as n', [], { batchSize: 1, highWaterMark: 1 }),
    )
    const rows: unknown[] = []
    for await (const row of stream) {
      rows.push(row)
      await sleep(LIMIT_MS * 1.5)
    }
    expect(rows).toHaveLength(4)
    client.release()
  })

  test('a COPY that is written slowly is not ended', async () => {
    const client = await app(where, { query_timeout: LIMIT_MS }).connect()
    // Its connection is there, for which the limit would be short where cores are busy.
    await client.query("delete from orders where id = 'copied'").catch(() => 'late, on a busy machine')
    const copy = client.query(from('copy orders from stdin'))
    const told = ended(copy)
    await sleep(LIMIT_MS * 2)
    copy.write('copied\n')
    await sleep(LIMIT_MS * 2)
    copy.end('copied\n')
    expect(await told).toBe(done)
    expect((await client.query("delete from orders where id = 'copied'")).rowCount).toBe(2)
    client.release()
  })

  test.each([
    { what: 'query_timeout', text: 'select n, case n when 2 then pg_sleep(4) end from generate_series(1, 3) n' },
    { what: 'an error', text: 'select 1 / (2 - n) from generate_series(1, 3) n' },
  ])('behind a pg.Query by pages that $what has ended the client goes on', async ({ text }) => {
    const client = await app(where, { query_timeout: LIMIT_MS }).connect()
    const query = new pg.Query({ text, rows: 1 } as pg.QueryConfig)
    const error = ended(client.query(query))
    expect(await settled(error, 'the error')).toBeInstanceOf(Error)
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    client.release()
  })

  test('each wait of a cursor for its server is limited', async () => {
    const client = await app(where, { query_timeout: LIMIT_MS }).connect()
    const cursor = client.query(new Cursor('select n, case n when 2 then pg_sleep(4) end from generate_series(1, 3) n'))
    expect(await cursor.read(1)).toHaveLength(1)
    await sleep(LIMIT_MS * 2)
    expectTold(await timed(cursor.read(1).catch((error: unknown) => error)), READ_TIMEOUT)
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    client.release()
  })
})

test.each([650, 750, 850])(
  'a pg.Query of a read-only handle is told once, also where %i ms are over with its COMMIT',
  async (ms) => {
    world.setRtt('nrt', 'ord', 300)
    try {
      const pool = pools.create({ primary: world.url('nrt', { from: 'ord' }), max: 1, query_timeout: ms })
      const client = await pool.replica().connect()
      const told: string[] = []
      const query = new pg.Query('select 1 as one')
      query.on('end', () => told.push('its end')).on('error', ({ message }: Error) => told.push(message))
      client.query(query)
      await until(() => told.length > 0, 'it to be told')
      await sleep(ms)
      client.release()
      expect(told).toHaveLength(1)
    } finally {
      world.setRtt('nrt', 'ord', 10)
    }
  },
)
