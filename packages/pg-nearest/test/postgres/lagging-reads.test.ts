import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions, RoutedPool } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** The near replica shows nothing new, and reads that must show more are asked of the primary. */
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'syd'],
    rtt: { 'nrt-ord': 60, 'nrt-syd': 60, 'ord-syd': 4 },
  })
  await ask(world.url('nrt'), 'create table marks (n int not null); insert into marks values (0)')
})
afterAll(() => world?.stop())
beforeEach(async () => {
  await world.resumeReplay('ord')
  await world.resumeReplay('syd')
  await caughtUp(world)
})
afterEach(() => pools.destroyAll())

/** A pool whose near replica has been behind what it has written for this long. */
async function behind(forMs: number, options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  const pool = pools.create({ ...world.poolOptions('ord'), ...options })
  await pool.refresh()
  // Connections enough, so that no handshake is counted.
  const busy = 'select pg_sleep(0.2)'
  await Promise.all(Array.from({ length: 10 }, () => [pool.primary.query(busy), pool.query(busy)]).flat())
  await Promise.all([world.pauseReplay('ord'), world.pauseReplay('syd')])
  await pool.query(write)
  await sleep(forMs)
  return pool
}

const write = 'update marks set n = n + 1'

describe('a read of 1 s', () => {
  const READ_MS = 1_000
  const AT_MOST_MS = 1_600
  const slow = 'select n, pg_sleep(1) from marks'

  async function timed(read: () => Promise<unknown>, what: string): Promise<string[]> {
    const started = performance.now()
    await settled(read(), what)
    const took = performance.now() - started
    expect(took).toBeGreaterThan(READ_MS - 10)
    return took < AT_MOST_MS ? [] : [`${what}: ${Math.round(took)} ms`]
  }

  test('takes 1 s, each time, while the replica is known to be behind', async () => {
    const pool = await behind(1_200)
    const tooLong: string[] = []
    for (let i = 0; i < 2; i++) tooLong.push(...(await timed(() => pool.query(slow), `read ${i}`)))
    expect(tooLong).toEqual([])
  })

  test('likewise right after the write, and in whatever it is asked', async () => {
    const pool = await behind(0)
    const session = pool.session()
    await session.query(write)
    const borrowed = await pool.connect()
    const readOnly = (on: RoutedPool) => on.transaction({ readOnly: true }, (tx) => tx.query(slow))
    const reads: [string, () => Promise<unknown>][] = [
      ['on the pool', () => pool.query(slow)],
      ['in a session', () => session.query(slow)],
      ['from a bookmark', () => pool.session(session.bookmark()).query(slow)],
      ['with maxStalenessMs', () => pool.query({ text: slow, consistency: { maxStalenessMs: 100 } })],
      ['on a borrowed client', () => borrowed.query(slow)],
      ['with a signal', () => pool.query({ text: slow, signal: new AbortController().signal })],
      ['prepared', () => pool.query({ name: 'slow', text: slow })],
      ['in a read-only transaction', () => readOnly(pool)],
      ['in one of the session', () => readOnly(session)],
    ]
    const tooLong = await Promise.all(reads.map(([what, read]) => timed(read, what)))
    borrowed.release()
    expect(tooLong.flat()).toEqual([])
  })
})

describe('a read that is given up while its replica is behind', () => {
  const PROMPTLY_MS = 300
  const reason = new Error('the visitor left')
  /** Before the replica has answered, between the two, while the primary works, and long after. */
  const AFTER_MS = [0, 1, 3, 8, 20, 45, 70, 120]
  const slow = 'select n, pg_sleep(2) from marks'

  async function abortedReads(read: (signal: AbortSignal) => Promise<unknown>): Promise<unknown[]> {
    const outcomes = AFTER_MS.map(async (afterMs) => {
      const controller = new AbortController()
      const failed = rejectionOf(read(controller.signal), `the read aborted after ${afterMs} ms`)
      await sleep(afterMs)
      controller.abort(reason)
      const abortedAt = performance.now()
      const error = await failed
      const tookMs = performance.now() - abortedAt
      return { afterMs, error: error === reason ? 'the reason' : String(error), promptly: tookMs < PROMPTLY_MS }
    })
    return Promise.all(outcomes)
  }
  const allWell = AFTER_MS.map((afterMs) => ({ afterMs, error: 'the reason', promptly: true }))

  test.each([
    { name: 'on the pool', read: (pool: NearestPool, signal: AbortSignal) => pool.query({ text: slow, signal }) },
    {
      name: 'with timeoutMs beside it',
      read: (pool: NearestPool, signal: AbortSignal) => pool.query({ text: slow, signal, timeoutMs: 10_000 }),
    },
    {
      name: 'on a borrowed client',
      read: async (pool: NearestPool, signal: AbortSignal) => {
        const client = await pool.connect()
        try {
          await client.query({ text: slow, signal })
        } finally {
          client.release()
        }
      },
    },
    {
      name: 'in a read-only transaction',
      read: (pool: NearestPool, signal: AbortSignal) =>
        pool.transaction({ readOnly: true, signal }, (tx) => tx.query(slow)),
    },
  ])('by its signal, $name: rejects promptly with the reason', async ({ read }) => {
    const pool = await behind(0, { max: 20 })
    expect(await abortedReads((signal) => read(pool, signal))).toEqual(allWell)
    expect((await settled(pool.query('select n from marks'), 'the next read')).servedBy.server).toBe('nrt')
  })

  test('by its signal, after a long time behind, and one by one', async () => {
    const pool = await behind(1_200)
    for (let i = 0; i < 10; i++) {
      const signal = AbortSignal.timeout(5 + i * 8)
      const error = await rejectionOf(pool.query({ text: slow, signal }), 'the read')
      expect(error, `aborted after ${5 + i * 8} ms`).toBe(signal.reason)
    }
  })

  test('by timeoutMs: rejects promptly with NEAREST_TIMEOUT', async () => {
    const pool = await behind(0, { max: 20 })
    const session = pool.session()
    await session.query(write)
    const reads = [10, 30, 60, 100, 200].flatMap((timeoutMs) =>
      [pool, session, pool.replica()].map(async (on) => {
        const started = performance.now()
        const error = await rejectionOf(on.query({ text: slow, timeoutMs }), 'the read')
        const promptly = performance.now() - started < timeoutMs + PROMPTLY_MS
        return { code: (error as { code?: unknown }).code, promptly }
      }),
    )
    for (const outcome of await Promise.all(reads)) expect(outcome).toEqual({ code: 'NEAREST_TIMEOUT', promptly: true })
  })
})
