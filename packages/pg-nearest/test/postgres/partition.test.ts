import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { ask, until, withUsers } from './fixtures.ts'
import { collectUncaught, tally, within } from './settling.ts'
import { TestPools } from './test-pools.ts'
import { createWritten, write, writesAgain } from './written-table.ts'

let world: World
let uncaught: ReturnType<typeof collectUncaught>
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
  await createWritten(world)
})
afterAll(() => world.stop())
beforeEach(() => {
  uncaught = collectUncaught()
})
afterEach(async () => {
  world.heal('nrt', 'ord')
  await pools.destroyAll()
  uncaught.stop()
})

/** A pool in Chicago; the primary is across the link. */
const appIn = (region: string, options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> =>
  pools.start({ ...world.poolOptions(region), ...options })

describe('a silent primary that comes back', () => {
  test('after 1,500 writes that gave up: nothing is uncaught, nobody waits, and each that failed is not there', async () => {
    const pool = await appIn('ord', { failoverTimeoutMs: 500 })
    world.partition('nrt', 'ord')
    const writes = Promise.allSettled(Array.from({ length: 1_500 }, (_, i) => write(pool, `many ${i}`)))
    expect(Object.keys(tally(await within(15_000, '1,500 writes', writes)))).toEqual(['NEAREST_NO_SERVER'])
    expect.soft(pool.waitingCount, 'nobody waits any more').toBe(0)
    world.heal('nrt', 'ord')
    await writesAgain(pool)
    await sleep(100)
    expect(uncaught.errors).toEqual([])
    expect(await ask(world.url('nrt'), "select id from written where id like 'many%'")).toEqual([])
  })

  test('after a steady stream of writes with a connection of ours open: the same', async () => {
    const pool = await appIn('ord', { failoverTimeoutMs: 200 })
    await Promise.all(Array.from({ length: 3 }, (_, i) => write(pool, `before ${i}`)))
    world.partition('nrt', 'ord')
    const writes: Promise<unknown>[] = []
    for (const end = performance.now() + 1_500; performance.now() < end; await sleep(25)) {
      for (let i = 0; i < 15; i++) writes.push(write(pool, 'stream'))
      for (const each of writes.slice(-15)) each.catch(() => undefined)
    }
    const counts = tally(await within(12_000, 'the stream', Promise.allSettled(writes)))
    expect(Object.keys(counts).filter((code) => code !== 'NEAREST_NO_SERVER' && code !== '08007')).toEqual([])
    expect.soft(pool.waitingCount, 'nobody waits any more').toBe(0)
    world.heal('nrt', 'ord')
    await writesAgain(pool)
    await sleep(100)
    expect(uncaught.errors).toEqual([])
  })
})

test('a silent replica that comes back after 1,500 reads went elsewhere: nothing is uncaught, and nobody waits', async () => {
  const pool = pools.create({
    primary: { region: 'nrt', url: world.url('nrt') },
    region: 'ord',
    replicas: { ord: world.url('ord', { from: 'nrt' }) },
  })
  await pool.refresh()
  expect((await pool.query('select 1')).servedBy.server).toBe('ord')
  const readAll = async (text: string): Promise<PromiseSettledResult<unknown>[]> => {
    const reads = Array.from({ length: 1_500 }, () => pool.query({ text, consistency: 'eventual' }))
    return within(20_000, '1,500 reads', Promise.allSettled(reads))
  }
  const begun = performance.now()
  await readAll('select 1 as all_is_well')
  const wellMs = performance.now() - begun
  world.partition('nrt', 'ord')
  const cut = performance.now()
  const outcomes = await readAll('select 1 as one')
  // Twice, and what it takes to notice.
  expect(performance.now() - cut).toBeLessThan(2_000 + 2 * wellMs)
  expect(tally(outcomes)).toEqual({ fulfilled: 1_500 })
  expect.soft(pool.waitingCount, 'nobody waits any more').toBe(0)
  world.heal('nrt', 'ord')
  await until(async () => (await pool.query('select 1')).servedBy.server === 'ord', 'reads from ord again')
  await sleep(100)
  expect(uncaught.errors).toEqual([])
})

describe('who gave up waiting for a connection is not counted', () => {
  const HOLD = 'select pg_sleep(1)'

  test.each<{ how: string; wait: (pool: NearestPool) => Promise<unknown> }>([
    { how: 'after its time', wait: (pool) => pool.query({ text: INSERT, timeoutMs: 100 }) },
    { how: 'after an abort', wait: (pool) => pool.query({ text: INSERT, signal: AbortSignal.timeout(100) }) },
    {
      how: 'after the time of its transaction',
      wait: (pool) => pool.transaction({ timeoutMs: 100 }, (tx) => tx.query(INSERT)),
    },
    {
      how: 'on a borrowed client',
      wait: async (pool) => {
        const client = await pool.connect()
        try {
          await client.query({ text: INSERT, timeoutMs: 100 } as { text: string })
        } finally {
          client.release()
        }
      },
    },
  ])('$how', async ({ wait }) => {
    const pool = await appIn('ord', { max: 1, maxWaiting: 3 })
    const held = pool.primary.query(HOLD)
    held.catch(() => undefined)
    await until(() => pool.totalCount - pool.idleCount > 0, 'the connection to be in use')
    const late = await within(3_000, 'three that give up', Promise.allSettled([wait(pool), wait(pool), wait(pool)]))
    expect(late.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect.soft(pool.waitingCount, 'nobody waits any more').toBe(0)
    // The queue has room for three again.
    const next = Promise.allSettled([1, 2, 3].map((i) => write(pool, `next ${i}`)))
    expect(tally(await within(5_000, 'the next three', next))).toEqual({ fulfilled: 3 })
    await held
  })
})
const INSERT = "insert into written values ('gave up')"
