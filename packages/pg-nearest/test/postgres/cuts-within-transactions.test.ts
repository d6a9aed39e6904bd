import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { CancelWatch } from './cancel-watch.ts'
import { withUsers } from './fixtures.ts'
import { within } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** A statement of a transaction is cancelled at the pool's `query_timeout`, and what comes behind it is not hit. */
const BOUND_MS = 8_000
const LIMIT_MS = 1_500

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 50 })
  await withUsers(world)
})
afterAll(() => world.stop())
afterEach(() => pools.destroyAll())

async function poolWith(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  const pool = await pools.start({ ...world.poolOptions('ord'), query_timeout: LIMIT_MS, ...options })
  await pool.primary.query('select 1')
  return pool
}

async function endOf(
  promise: Promise<unknown>,
): Promise<{ readonly code?: string; readonly message: string } | undefined> {
  return promise.then(
    () => undefined,
    (reason: unknown) => reason as Error,
  )
}

test.each([1.44, 1.45, 1.46, 1.47, 1.48, 1.49])(
  'what is given while a statement of %s s runs is not cancelled for it',
  async (seconds) => {
    const client = await (await poolWith()).connect()
    await client.query('begin')
    await client.query('select 1')
    const first = endOf(client.query(`select pg_sleep(${seconds})`))
    await sleep(1_350)
    const second = endOf(client.query('select pg_sleep(0.1)'))
    const [, error] = await within(BOUND_MS, 'both', Promise.all([first, second]))
    // It has time left when the first one has none.
    if (error !== undefined) expect(error.message).toMatch(/Query read timeout|is aborted/)
    client.release(true)
  },
)

test('what is given as soon as a statement is cut off is sent once its cancel request is over', async () => {
  const cancels = new CancelWatch()
  const client = await (await poolWith({ stream: cancels.stream, query_timeout: 1_000 })).connect()
  await client.query('begin')
  await client.query('select 1')
  const cut = await within(BOUND_MS, 'the first', endOf(client.query('select pg_sleep(5)')))
  expect(cut?.message).toBe('Query read timeout')
  const next = endOf(client.query("select 'behind'"))
  expect(await within(BOUND_MS, 'the next', next)).toMatchObject({ code: '25P02' })
  const { begun, over } = cancels.at.get('behind') ?? { begun: 0, over: 0 }
  expect(over, 'they were over').toBeGreaterThan(0)
  expect(over, 'all of them').toBe(begun)
  client.release(true)
})

describe('one cancel request is made for a statement that is cut', () => {
  const LIMITS: Readonly<Record<string, () => object>> = {
    'at query_timeout': () => ({ query_timeout: 200 }),
    'at timeoutMs': () => ({ timeoutMs: 200 }),
    'by its signal and at query_timeout': () => ({ query_timeout: 205, signal: AbortSignal.timeout(200) }),
  }

  /** What comes before it and behind it is not cut, on however slow a machine. */
  const poolOf = ({ stream }: CancelWatch): Promise<NearestPool> => poolWith({ stream, query_timeout: BOUND_MS })

  async function cutInTransaction(cancels: CancelWatch, limited: () => object): Promise<void> {
    const client = await (await poolOf(cancels)).connect()
    await client.query('begin')
    await client.query('select 1')
    expect(
      await within(BOUND_MS, 'it', endOf(client.query({ text: 'select pg_sleep(5)', ...limited() }))),
    ).toBeDefined()
    await within(BOUND_MS, 'the rollback', client.query('rollback'))
    expect(cancels.count).toBe(1)
    client.release()
  }

  test.each(Object.entries(LIMITS))('in a transaction, %s', (_how, limited) =>
    cutInTransaction(new CancelWatch(), limited),
  )

  test.each(Object.entries(LIMITS))(
    'in a transaction whose server takes its time for the position behind it, %s',
    (_how, limited) => cutInTransaction(new CancelWatch(50), limited),
  )

  test.each(Object.entries(LIMITS))('of a read, %s', async (_how, limited) => {
    const cancels = new CancelWatch()
    const client = await (await poolOf(cancels)).connect()
    await client.query('select 1')
    expect(
      await within(BOUND_MS, 'it', endOf(client.query({ text: 'select pg_sleep(5)', ...limited() }))),
    ).toBeDefined()
    await within(BOUND_MS, 'the next', client.query('select 1'))
    expect(cancels.count).toBe(1)
    client.release()
  })
})
