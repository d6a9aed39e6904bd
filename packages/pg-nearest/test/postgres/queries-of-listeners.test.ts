import type { Socket } from 'node:net'
import type pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { until } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** As with `pg.Pool`, a listener may ask something on the connection that it is told of: what is sent behind that waits for its turn. */
let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
})
afterAll(() => world.stop())

const pools = new TestPools()
afterEach(() => pools.destroyAll())

const EVENTS = ['connect', 'acquire', 'release'] as const
const READ = 'select $1::int as n'
const NUMBERS = Array.from({ length: 9 }, (_, n) => n)
const read = (pool: Pick<NearestPool, 'query'>, n: number) => pool.query<{ n: number }>(READ, [n])

/** A pool at a distance of its one database, which has seen that the read is quick, and which has no connection now. */
async function warmPool(lanes: boolean): Promise<NearestPool> {
  const pool = await pools.start({ primary: world.url('nrt', { from: 'ord' }), max: 1, lanes })
  const sockets: Socket[] = []
  const listener = (client: pg.PoolClient): void => {
    sockets.push((client as unknown as { connection: { stream: Socket } }).connection.stream)
  }
  pool.on('connect', listener)
  for (let i = 0; i < 4; i++) await read(pool, i)
  pool.off('connect', listener)
  for (const socket of sockets) socket.destroy()
  return pool
}

/** Has listeners of the event ask so much each time. Returns what tells whether all was answered to whom it belongs. */
function askAt(pool: NearestPool, event: (typeof EVENTS)[number], count: number): () => Promise<void> {
  const answers: Promise<[string, unknown[]]>[] = []
  pool.on(event as 'connect', (...args: unknown[]) => {
    const client = args.at(-1) as pg.PoolClient
    for (let i = 0; i < count; i++) {
      const text = `select 'listener ${i}' as v`
      answers.push(client.query(text).then(({ rows }) => [`listener ${i}`, rows]))
    }
  })
  return async () => {
    expect(answers.length).toBeGreaterThan(0)
    for (const [v, rows] of await settled(Promise.all(answers), 'what listeners asked')) expect(rows).toEqual([{ v }])
  }
}

describe.each(EVENTS)('statements behind what a listener of %s asks', (event) => {
  test.each([1, 2])('in a batch: %i', async (count) => {
    const pool = await warmPool(false)
    const answered = askAt(pool, event, count)
    for (let i = 0; i < 3; i++) {
      const batch = pool.batch(NUMBERS.map((n) => ({ text: READ, values: [n] })))
      const outcomes = await settled(batch, 'the batch')
      expect(outcomes).toMatchObject(NUMBERS.map((n) => ({ status: 'fulfilled', value: { rows: [{ n }] } })))
    }
    await answered()
  })

  test.each([1, 2])('in lanes: %i', async (count) => {
    const pool = await warmPool(true)
    const answered = askAt(pool, event, count)
    for (let i = 0; i < 3; i++) {
      const reads: ReturnType<typeof read>[] = []
      for (const n of NUMBERS) {
        reads.push(read(pool, n))
        // Some share a Sync, some do not.
        if (n % 3 === 0) await new Promise(setImmediate)
      }
      const results = await settled(Promise.all(reads), 'reads at once')
      expect(results.map(({ rows }) => rows)).toEqual(NUMBERS.map((n) => [{ n }]))
    }
    await answered()
  })

  test.each([1, 2])('on a borrowed client: %i', async (count) => {
    const pool = await warmPool(true)
    const answered = askAt(pool, event, count)
    for (let i = 0; i < 3; i++) {
      const client = await settled(pool.connect(), 'connect')
      const results = await settled(Promise.all(NUMBERS.map((n) => read(client, n))), 'reads')
      expect(results.map(({ rows }) => rows)).toEqual(NUMBERS.map((n) => [{ n }]))
      client.release()
    }
    await answered()
  })
})

describe.each(EVENTS)('what a listener of %s asks', (event) => {
  test.each([false, true])('is not cancelled with what waits behind it, with lanes: %s', async (lanes) => {
    const pool = await warmPool(lanes)
    const ends: Promise<string>[] = []
    pool.on(event as 'connect', (...args: unknown[]) => {
      const asked = (args.at(-1) as pg.PoolClient).query('select pg_sleep(0.1)')
      ends.push(asked.then(() => 'answered', String))
    })
    for (let i = 0; i < 3; i++) {
      const aborting = new AbortController()
      const aborted = pool.query({ text: READ, values: [i], signal: aborting.signal })
      const waiting = aborted.catch((error: unknown) => error)
      await until(() => ends.length > 0, 'the listener to be told')
      setTimeout(() => aborting.abort(new Error('enough')), 30)
      await settled(waiting, 'what is aborted')
    }
    expect(await settled(Promise.all(ends), 'what listeners asked')).toEqual(ends.map(() => 'answered'))
    expect((await settled(read(pool, 7), 'the next read')).rows).toEqual([{ n: 7 }])
  })
})

describe('a query of a listener that takes long', () => {
  /** A pool whose next connection has a listener's query to answer first. */
  async function poolWithSlowListener(lanes: boolean) {
    const pool = await pools.start({ primary: world.url('nrt', { from: 'ord' }), max: 1, lanes })
    for (let i = 0; i < 4; i++) await read(pool, i)
    const asked: Promise<string>[] = []
    pool.once('acquire', (...args: unknown[]) => {
      const query = (args.at(-1) as pg.PoolClient).query('select pg_sleep(2.5)')
      asked.push(query.then(() => 'answered', String))
    })
    const aborting = new AbortController()
    const abort = async (): Promise<void> => {
      await until(() => asked.length > 0, 'the listener to be told')
      setTimeout(() => aborting.abort(new Error('enough')), 50)
    }
    const end = async (): Promise<void> => {
      expect(await settled(Promise.all(asked), 'what the listener asked')).toEqual(['answered'])
      expect((await settled(read(pool, 7), 'the next read')).rows).toEqual([{ n: 7 }])
    }
    return { pool, signal: aborting.signal, abort, end }
  }

  const AT_ONCE_MS = 500

  test.each([
    { what: 'a read', text: READ, values: [1], lanes: false },
    { what: 'a read of a lane', text: READ, values: [1], lanes: true },
    { what: 'a write', text: 'create table passing ()', values: [], lanes: false },
  ])('keeps its connection when $what behind it is aborted, which is not sent', async ({ text, values, lanes }) => {
    const { pool, signal, abort, end } = await poolWithSlowListener(lanes)
    const aborted = rejectionOf(pool.query({ text, values, signal }), 'what is aborted', AT_ONCE_MS)
    await abort()
    expect(await aborted).toMatchObject({ message: 'enough' })
    await end()
    expect((await pool.query("select to_regclass('passing') as made")).rows).toEqual([{ made: null }])
  })

  test('keeps its connection when the first statement of a transaction behind it is aborted', async () => {
    const { pool, signal, abort, end } = await poolWithSlowListener(false)
    const client = await settled(pool.connect(), 'connect')
    await settled(client.query('begin'), 'begin')
    const text = 'create table passing ()'
    const aborted = rejectionOf(client.query({ text, signal }), 'what is aborted', AT_ONCE_MS)
    await abort()
    expect(await aborted).toMatchObject({ message: 'enough' })
    expect(await rejectionOf(client.query('select 1'), 'what comes behind it')).toMatchObject({
      code: 'NEAREST_CONNECTION_LOST',
    })
    await settled(client.query('rollback'), 'rollback')
    client.release()
    await end()
    expect((await pool.query("select to_regclass('passing') as made")).rows).toEqual([{ made: null }])
  })
})
