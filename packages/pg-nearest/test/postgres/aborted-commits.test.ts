import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions, Transaction } from '../../src/index.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** A COMMIT that is given up on its way to a far primary: when the server is heard to have done it, nobody is told otherwise. */
const RTT_MS = 600
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(world.url('nrt'), 'create table notes (n int)')
  await caughtUp(world)
})
afterAll(() => world?.stop())
beforeEach(() => ask(world.url('nrt'), 'truncate notes'))
afterEach(async () => {
  world.setRtt('nrt', 'ord', 10)
  await pools.destroyAll()
})

/** Far away only once it is connected. */
async function farPool(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  const pool = await pools.start({ ...world.poolOptions('ord'), max: 1, ...options })
  await pool.primary.query('select 1')
  world.setRtt('nrt', 'ord', RTT_MS)
  return pool
}

const insert = (n: number): string => `insert into notes values (${n})`
const notes = (): Promise<unknown[]> => ask(world.url('nrt'), 'select n from notes order by n')
const ALL = [{ n: 1 }, { n: 2 }]

/** How many round trips are over when its COMMIT is sent. */
const WAYS: readonly [string, number, (pool: NearestPool, limit: Limit) => Promise<unknown>][] = [
  [
    'a COMMIT by itself',
    1,
    (pool, limit) =>
      pool.transaction(limit, async (tx) => void (await Promise.all([1, 2].map((n) => tx.query(insert(n)))))),
  ],
  [
    'a COMMIT behind a statement that is not awaited',
    1,
    (pool, limit) => pool.transaction(limit, async (tx) => (await tx.query(insert(1)), await tx.commitWith(insert(2)))),
  ],
  [
    'a COMMIT that travels with BEGIN',
    0,
    (pool, limit) => pool.transaction(limit, (tx: Transaction) => (void tx.query(insert(1)), tx.query(insert(2)))),
  ],
  ['a batch', 0, (pool, limit) => pool.batch([insert(1), insert(2)], { transaction: true, ...limit })],
]

interface Limit {
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

describe.each(WAYS)('%s', (_, roundTrips, run) => {
  const sentMs = roundTrips * RTT_MS + 150

  test('aborted', async () => {
    const pool = await farPool()
    const stop = new AbortController()
    const reason = new Error('enough')
    const running = rejectionOf(run(pool, { signal: stop.signal }), 'it')
    await sleep(sentMs)
    stop.abort(reason)
    const error = await running
    expect(await notes()).toEqual(ALL)
    expect(error).toMatchObject({ code: 'NEAREST_COMMITTED', cause: reason })
    world.setRtt('nrt', 'ord', 10)
    expect((await pool.query('select n from notes order by n')).rows).toEqual(ALL)
    await until(() => pool.idleCount === pool.totalCount, 'all of its connections to be idle')
  })

  test('out of time', async () => {
    const pool = await farPool()
    const error = await rejectionOf(run(pool, { timeoutMs: sentMs }), 'it')
    expect(await notes()).toEqual(ALL)
    expect(error).toMatchObject({ code: 'NEAREST_COMMITTED', cause: { code: 'NEAREST_TIMEOUT' } })
  })
})

test("the pool's query_timeout that is over while COMMIT is on its way: it has been done, and is told as that", async () => {
  const pool = await farPool({ query_timeout: RTT_MS / 2 })
  world.setRtt('nrt', 'ord', 10)
  const transaction = pool.transaction(async (tx) => {
    await tx.query(insert(1))
    await tx.query(insert(2))
    world.setRtt('nrt', 'ord', RTT_MS)
    return 'done'
  })
  expect(await settled(transaction, 'the transaction')).toBe('done')
  expect(await notes()).toEqual(ALL)
})

test('one whose COMMIT the server has refused is told its reason', async () => {
  await ask(
    world.url('nrt'),
    'create table once (n int unique deferrable initially deferred); insert into once values (1)',
  )
  const pool = await farPool()
  const stop = new AbortController()
  const reason = new Error('enough')
  const work = async (tx: Transaction): Promise<void> => void (await tx.query('insert into once values (1)'))
  const running = rejectionOf(pool.transaction({ signal: stop.signal }, work), 'the transaction')
  await sleep(RTT_MS + 150)
  stop.abort(reason)
  expect(await running).toBe(reason)
})
