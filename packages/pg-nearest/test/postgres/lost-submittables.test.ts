import pg from 'pg'
import { from } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { cut, fatal, FATAL_AND_READY, startBreakingProxy, type BreakingProxy } from './breaking-proxy.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** The server has done it, and its connection dies before it has said so: the error says what that means. */
let world: World
let toPrimary: BreakingProxy
let toReplica: BreakingProxy
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 20 })
  await ask(world.url('nrt'), 'create table orders (id text)')
  toPrimary = await startBreakingProxy(world.url('nrt', { from: 'ord' }))
  toReplica = await startBreakingProxy(world.url('ord'))
})
afterAll(async () => {
  await Promise.all([toPrimary?.stop(), toReplica?.stop()])
  await world?.stop()
})
beforeEach(() => caughtUp(world))
afterEach(() => pools.destroyAll())

const behind = (url: string, proxy: BreakingProxy): string =>
  Object.assign(new URL(url), { host: new URL(proxy.url).host }).href

async function app(options: { readonly silenceTimeoutMs?: number } = {}): Promise<NearestPool> {
  const { primary, replicas, ...rest } = world.poolOptions('ord')
  const url = options.silenceTimeoutMs === undefined ? behind(primary.url, toPrimary) : primary.url
  const ord = behind(replicas['ord'] ?? '', toReplica)
  const pool = pools.create({ ...rest, ...options, primary: { ...primary, url }, replicas: { ord } })
  pool.on('error', () => undefined)
  await pool.refresh()
  await pool.primary.query('select 1')
  return pool
}

let serial = 0
const nextId = (): string => `order ${++serial}`
const insert = (id: string): string => `insert into orders values ('${id}')`
const insertMany = (id: string): string => `insert into orders select '${id}' from generate_series(1, 5) returning id`
const countOf = async (id: string): Promise<unknown> =>
  (await ask(world.url('nrt'), `select from orders where id = '${id}'`)).length

type Able = Pick<NearestPool, 'query'>
type Told = Promise<unknown>

/** How a cursor closes its portal, and with it the transaction that it has run in. */
const CLOSE = 'PC_'

/** Resolves with the error that it emits. */
function errorOf(emitter: unknown): Told {
  return new Promise((resolve) => {
    ;(emitter as NodeJS.EventEmitter).once('error', resolve).once('end', () => resolve('it has ended'))
  })
}

const byCallback = (on: Able, text: string): Told =>
  new Promise((resolve) => {
    const given = on.query(new pg.Query(text, (error: unknown) => resolve(error ?? 'it was done'))) as unknown
    // On a pool it is a promise as well, as with pg.
    if (given instanceof Promise) given.catch(() => undefined)
  })

async function byCursor(on: Able, text: string, proxy: BreakingProxy): Told {
  const cursor = on.query(new Cursor(text))
  await cursor.read(1)
  void proxy.breakNext(CLOSE, cut)
  return cursor.read(10).then(
    () => 'it was done',
    (error: unknown) => error,
  )
}

async function byStream(on: Able, text: string, proxy: BreakingProxy): Told {
  const stream = on.query(new QueryStream(text, [], { batchSize: 1, highWaterMark: 1 }))
  const error = errorOf(stream)
  stream.once('data', () => void proxy.breakNext(CLOSE, cut))
  return error
}

async function byCopy(on: Able, id: string): Told {
  const stream = on.query(from('copy orders from stdin'))
  const error = errorOf(stream)
  void toPrimary.breakNext(id, cut)
  stream.end(`${id}\n`)
  return error
}

interface Write {
  readonly name: string
  readonly rows: number
  readonly write: (on: Able, id: string) => Told
}
const WRITES: readonly Write[] = [
  {
    name: 'a pg.Query with a callback',
    rows: 1,
    write: (on, id) => {
      void toPrimary.breakNext(id, cut)
      return byCallback(on, insert(id))
    },
  },
  {
    name: 'a pg.Query without a callback',
    rows: 1,
    write: (on, id) => {
      void toPrimary.breakNext(id, cut)
      const query = new pg.Query(insert(id))
      const error = errorOf(query)
      // On a pool it is a promise, as with pg.
      const given = on.query(query) as unknown
      return given instanceof Promise ? given.catch((reason: unknown) => reason) : error
    },
  },
  { name: 'a cursor', rows: 5, write: (on, id) => byCursor(on, insertMany(id), toPrimary) },
  { name: 'a stream', rows: 5, write: (on, id) => byStream(on, insertMany(id), toPrimary) },
  { name: 'a COPY', rows: 1, write: byCopy },
]

describe.each(WRITES)('$name that has written', ({ rows, write }) => {
  test.each(['a pool', 'a borrowed client'])('on %s: its outcome is unknown', async (where) => {
    const pool = await app()
    const client = where === 'a pool' ? undefined : await pool.connect()
    const id = nextId()
    const error = await settled(write(client ?? pool, id), 'the error')
    expect(error).toMatchObject({
      name: 'OutcomeUnknownError',
      code: '08007',
      cause: { message: 'Connection terminated unexpectedly' },
    })
    expect(await countOf(id)).toBe(rows)
    client?.release()
  })
})

test('a COMMIT by a pg.Query within a transaction: its outcome is unknown, and it is not run again', async () => {
  const pool = await app()
  const id = nextId()
  let runs = 0
  const work = pool.transaction({ retries: 2 }, async (tx) => {
    runs++
    await tx.query(insert(id))
    void toPrimary.breakNext('commit\0', cut)
    await new Promise<void>((resolve, reject) => {
      const done = (error: Error | undefined): void => (error ? reject(error) : resolve())
      tx.query(new pg.Query('commit', done as never))
    })
  })
  const error: unknown = await settled(
    work.catch((reason: unknown) => reason),
    'the transaction',
  )
  expect(error).toMatchObject({ name: 'OutcomeUnknownError', code: '08007' })
  expect([runs, await countOf(id)]).toEqual([1, 1])
})

test('a COPY that ends while its server is silent: its outcome is unknown', async () => {
  const pool = await app({ silenceTimeoutMs: 1_500 })
  const client = await pool.connect()
  const stream = client.query(from('copy orders from stdin'))
  const error = errorOf(stream)
  stream.write(`${nextId()}\n`)
  await until(async () => (await ask(world.url('nrt'), 'select from pg_stat_progress_copy')).length > 0, 'the COPY')
  world.partition('nrt', 'ord')
  try {
    stream.end()
    expect(await settled(error, 'the error', 15_000)).toMatchObject({ name: 'OutcomeUnknownError', code: '08007' })
  } finally {
    world.heal('nrt', 'ord')
  }
  client.release()
})

const LOST = { name: 'NearestError', code: 'NEAREST_CONNECTION_LOST', cause: expect.any(Error) as unknown }
const SERIES = 'select generate_series(1, 5)'

interface Read {
  readonly name: string
  readonly read: (on: Able, proxy: BreakingProxy) => Told
}
const READS: readonly Read[] = [
  { name: 'a cursor', read: (on, proxy) => byCursor(on, SERIES, proxy) },
  { name: 'a stream', read: (on, proxy) => byStream(on, SERIES, proxy) },
]

describe.each(READS)('$name that only reads', ({ read }) => {
  test('on the replica: its connection is lost', async () => {
    expect(await settled(read(await app(), toReplica), 'the error')).toMatchObject(LOST)
  })

  test('on the primary: its connection is lost', async () => {
    expect(await settled(read((await app()).primary, toPrimary), 'the error')).toMatchObject(LOST)
  })
})

test('a pg.Query that only reads: its connection is lost', async () => {
  const pool = await app()
  const marker = nextId()
  void toPrimary.breakNext(marker, cut)
  expect(await settled(byCallback(pool.primary, `select '${marker}'`), 'the error')).toMatchObject(LOST)
})

test('a pg.Query in a transaction: that is lost', async () => {
  const client = await (await app()).connect()
  await client.query('begin')
  const id = nextId()
  void toPrimary.breakNext(id, cut)
  expect(await settled(byCallback(client, insert(id)), 'the error')).toMatchObject(LOST)
  expect(await countOf(id)).toBe(0)
  client.release()
})

test('a write whose server ends the connection with an error of its own: its outcome is unknown', async () => {
  const pool = await app()
  const id = nextId()
  void toPrimary.breakNext(id, fatal('57P01'))
  const error = await settled(byCallback(pool, insert(id)), 'the error')
  expect(error).toMatchObject({ name: 'OutcomeUnknownError', code: '08007', cause: { code: '57P01' } })
  expect(await countOf(id)).toBe(1)
})

describe('what a FATAL tells whose connection goes on', () => {
  const READERS = {
    'a pg.Query': byCallback,
    'a cursor': (on: Able, text: string): Told =>
      on
        .query(new Cursor(text))
        .read(1)
        .catch((error: unknown) => error),
    'a stream': (on: Able, text: string): Told => errorOf(on.query(new QueryStream(text)).resume()),
  }
  test.each(Object.entries(READERS))('%s hears, and its client goes on', async (_, read) => {
    const client = await (await app()).primary.connect()
    await client.query('begin')
    await client.query('select 1')
    await client.query('commit')
    const marker = nextId()
    toPrimary.answerNext(marker, FATAL_AND_READY)
    expect(await settled(read(client, `select '${marker}'`), 'the error')).toMatchObject({ code: '58000' })
    expect((await settled(client.query('select 2 as two'), 'the next')).rows).toEqual([{ two: 2 }])
    client.release()
  })
})

type Tell = (error: Error) => void

describe('an error that was told is not told again when the connection is ended ahead of its ReadyForQuery', () => {
  const TEXT = `insert into orders select (1 / (2 - n))::text from generate_series(1, 3) as n returning id`
  test.each<[string, (on: Able, tell: Tell) => void]>([
    [
      'a pg.Query by pages',
      (on, tell) => {
        const query = new pg.Query({ text: TEXT, rows: 1 } as pg.QueryConfig)
        query.on('error', tell)
        on.query(query)
      },
    ],
    [
      'a cursor that is closed then',
      (on, tell) => {
        const cursor = on.query(new Cursor(TEXT))
        cursor.read(1, (error) => {
          cursor.close(() => undefined)
          tell(error as Error)
        })
      },
    ],
  ])('%s', async (_, give) => {
    const pool = await app()
    world.setRtt('nrt', 'ord', 300)
    try {
      const client = await pool.connect()
      client.on('error', () => undefined)
      await client.query('begin')
      const pid = String((await client.query('select pg_backend_pid() as pid')).rows[0]?.['pid'])
      await client.query('commit')
      const told: unknown[] = []
      const ended = new Promise<void>((resolve) => {
        give(client, ({ message }) => {
          told.push(message)
          void ask(world.url('nrt'), `select pg_terminate_backend(${pid})`).then(() => resolve())
        })
      })
      await settled(ended, 'the error', 10_000)
      await until(() => pool.totalCount === 0 || client.getTransactionStatus() === null, 'its end').catch(
        () => undefined,
      )
      client.release(true)
      expect(told).toEqual(['division by zero'])
    } finally {
      world.setRtt('nrt', 'ord', 20)
    }
  })
})
