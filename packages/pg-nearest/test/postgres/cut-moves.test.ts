import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, RoutedClient } from '../../src/index.ts'
import { ask, caughtUp, until, withUsers } from './fixtures.ts'
import { errorOf, within } from './settling.ts'
import { startSilentWay } from './silent-way.ts'
import { TestPools } from './test-pools.ts'

/** A READ ONLY transaction goes to the primary in its middle, and that takes longer than the statement may that it goes for. */
const SOON_MS = 1_500

let world: World
let pool: NearestPool
let client: RoutedClient
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
  await ask(
    world.url('nrt'),
    'create sequence numbers; create view slow as select pg_sleep(case when pg_is_in_recovery() then 0 else 20 end)::text as slept',
  )
  await caughtUp(world)
})
afterAll(() => world.stop())
beforeEach(async () => {
  pool = pools.create(world.poolOptions('ord'))
  await pool.refresh()
  await pool.primary.query('select 1')
  client = await pool.connect()
})
afterEach(async () => {
  world.setRtt('nrt', 'ord', 10)
  client.release()
  await pools.destroyAll()
})

/** Set anew on the primary, it takes long there. */
const SLOW = "select set_config('app.who', 'a', true), slept from slow"
const MOVES = 'select pg_is_in_recovery() as replica'

const PHASES: readonly { readonly phase: string; readonly ahead: readonly string[]; readonly delay: () => void }[] = [
  { phase: 'what is set anew is slow', ahead: [SLOW], delay: () => undefined },
  { phase: 'the primary is silent', ahead: [], delay: () => world.setRtt('nrt', 'ord', 20_000) },
]
const LIMITS: readonly { readonly limit: string; readonly limited: () => object; readonly error: object }[] = [
  { limit: 'timeoutMs', limited: () => ({ timeoutMs: 300 }), error: { code: 'NEAREST_TIMEOUT' } },
  {
    limit: 'a signal',
    limited: () => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(new Error('the visitor left')), 300)
      return { signal: controller.signal }
    },
    error: { message: 'the visitor left' },
  },
  { limit: 'query_timeout', limited: () => ({ query_timeout: 300 }), error: { message: 'Query read timeout' } },
]

describe.each(PHASES)('$phase', ({ ahead, delay }) => {
  test.each(LIMITS)('$limit ends the statement, and ROLLBACK frees the client', async ({ limited, error }) => {
    await client.query('begin read only')
    for (const text of ahead) await client.query(text)
    delay()
    expect(await errorOf(SOON_MS, 'it', client.query({ text: MOVES, ...limited() }))).toMatchObject(error)
    world.setRtt('nrt', 'ord', 10)
    const behind = errorOf(SOON_MS, 'what comes behind it', client.query('select 1'))
    expect(await behind).toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
    await within(SOON_MS, 'the rollback', client.query('rollback'))
    expect(client.getTransactionStatus()).toBe('I')
    expect((await within(SOON_MS, 'the next', client.query('select 1 as n'))).rows).toEqual([{ n: 1 }])
    await until(async () => {
      const running = "select 1 from pg_stat_activity where state <> 'idle' and query like '%from slow'"
      return (await ask(world.url('nrt'), running)).length === 0
    }, 'the primary to have ended it')
  })
})

test('timeoutMs of the transaction ends it, too', async () => {
  const work = pool.transaction({ readOnly: true, timeoutMs: 300 }, async (transaction) => {
    await transaction.query(SLOW)
    await transaction.query(MOVES)
  })
  expect(await errorOf(SOON_MS, 'the transaction', work)).toMatchObject({ code: 'NEAREST_TIMEOUT' })
})

test('a signal of BEGIN’s own ends nothing behind it', async () => {
  const controller = new AbortController()
  await client.query({ text: 'begin read only', signal: controller.signal })
  controller.abort(new Error('too late'))
  expect((await client.query(MOVES)).rows).toEqual([{ replica: false }])
  await client.query('commit')
})

test('query_timeout counts from when the statement was given, though connecting to the primary takes its time', async () => {
  const way = await startSilentWay(world.url('nrt', { from: 'ord' }), 1_000)
  // None is made ahead.
  const options = { ...world.poolOptions('ord'), primary: { region: 'nrt', url: way.url }, min: 0 }
  const moving = await (await within(5_000, 'the start', pools.start(options))).connect()
  try {
    await within(SOON_MS, 'its begin', moving.query('begin read only'))
    expect((await within(SOON_MS, 'its first read', moving.query('select 1'))).servedBy.server).toBe('ord')
    const start = performance.now()
    const moved = moving.query({ text: "select nextval('numbers')", query_timeout: 1_500 } as { text: string })
    expect(await errorOf(4_000, 'it', moved)).toMatchObject({ message: 'Query read timeout' })
    expect(performance.now() - start).toBeGreaterThan(1_400)
    expect(performance.now() - start).toBeLessThan(2_200)
  } finally {
    moving.release(true)
    await way.stop()
  }
})
