import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPoolOptions, RoutedClient } from '../../src/index.ts'
import { errorOf, running, within } from './settling.ts'
import { startSilentWay } from './silent-way.ts'
import { TestPools } from './test-pools.ts'

/** A BEGIN that is sent with a statement behind it, or once more for it, takes of that statement's time. */
const TIMED_OUT = { message: 'Query read timeout' }
const SOON_MS = 1_500

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
})
afterAll(() => world.stop())
beforeEach(() => world.setRtt('nrt', 'ord', 10))
afterEach(() => pools.destroyAll())

async function clientWith(options: Partial<NearestPoolOptions> = {}): Promise<RoutedClient> {
  const pool = await pools.start({ ...world.poolOptions('ord'), probeTimeoutMs: 20_000, ...options })
  await pool.primary.query('select 1')
  return pool.connect()
}

/** From now on. */
function silencePrimary(): void {
  world.setRtt('nrt', 'ord', 20_000)
}

describe('a statement whose BEGIN is sent ahead of it by itself', () => {
  test.each([{ begin: 'begin' }, { begin: 'begin isolation level serializable' }])(
    'ends at its query_timeout: $begin',
    async ({ begin }) => {
      const client = await clientWith()
      await within(SOON_MS, 'begin', client.query(begin))
      silencePrimary()
      const limited = { text: 'select 1', query_timeout: 300 } as { text: string }
      expect(await errorOf(SOON_MS, 'it', client.query(limited))).toMatchObject(TIMED_OUT)
      client.release(true)
    },
  )
})

test('what is sent together with its BEGIN ends at query_timeout, though connecting takes its time', async () => {
  const way = await startSilentWay(world.url('nrt', { from: 'ord' }), 1_000)
  const primary = { region: 'nrt', url: way.url }
  // None is made ahead.
  const pool = await pools.start({ ...world.poolOptions('ord'), primary, min: 0, query_timeout: 1_500 })
  const client = await pool.connect()
  try {
    await within(SOON_MS, 'begin', client.query('begin'))
    const start = performance.now()
    expect(await errorOf(4_000, 'it', client.query('select 1'))).toMatchObject(TIMED_OUT)
    expect(performance.now() - start).toBeGreaterThan(1_400)
    expect(performance.now() - start).toBeLessThan(2_200)
  } finally {
    client.release(true)
    await way.stop()
  }
})

test('a read-only transaction that begins again takes of the time of the statement that it begins again for', async () => {
  const client = await clientWith({ query_timeout: 2_000 })
  await client.query('begin read only')
  expect((await client.query('select 1')).servedBy.server).toBe('ord')
  const start = performance.now()
  const ended = errorOf(6_000, 'it', client.query("select pg_sleep(9), 'begins again'"))
  await running(world.url('ord'), "select pg_sleep(9), 'begins again'")
  await new Promise((resolve) => {
    setTimeout(resolve, 1_200)
  })
  silencePrimary()
  await world.kill('ord')
  expect(await ended).toMatchObject(TIMED_OUT)
  expect(performance.now() - start).toBeGreaterThan(1_900)
  expect(performance.now() - start).toBeLessThan(2_700)
  client.release(true)
})
