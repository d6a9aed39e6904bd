import { setTimeout as delay } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { ask } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await ask(world.url('nrt'), `create view sharing as select current_setting('transaction_read_only') as setting`)
})
afterAll(() => world.stop())

const pools = new TestPools()
afterEach(() => pools.destroyAll())

interface Setting {
  readonly setting: string
}

/** On the primary it tells by itself whether it shares a connection: there it is READ ONLY. */
const SHARED = 'select setting from sharing'
const QUOTIENT = 'select setting, 10 / $1 as q from sharing'

async function start(options: Partial<NearestPoolOptions>): Promise<NearestPool> {
  const pool = await pools.start({ ...world.poolOptions('nrt'), lanes: true, ...options })
  expect(await comesIn(pool, SHARED)).toBe(true)
  expect(await comesIn(pool, QUOTIENT, [1])).toBe(true)
  return pool
}

async function isShared(pool: NearestPool, text: string, values: unknown[] = []): Promise<boolean> {
  const { rows } = await pool.query<Setting>(text, values)
  return rows[0]?.setting === 'on'
}

/** A text must have been quick, and a connection is not shared at its first use. One slow run on a busy machine costs some fourteen more. */
async function comesIn(pool: NearestPool, text: string, values: unknown[] = [], tries = 5_000): Promise<boolean> {
  for (let i = 0; i < tries; i++) if (await isShared(pool, text, values)) return true
  return false
}

test('when there were more than lanes take, those who wait come in as soon as there is room', async () => {
  const pool = await start({ max: 2 })
  const shared = await Promise.all(Array.from({ length: 2_000 }, () => isShared(pool, SHARED)))
  expect(shared.filter(Boolean).length).toBeGreaterThan(1_900)
})

test('one who needs a connection for himself gets it, and sends nobody out of the lanes but for that long', async () => {
  const pool = await start({ max: 2 })
  const alone = 'select setting, pg_backend_pid() from sharing'
  const texts = Array.from({ length: 1_500 }, (_, i) => (i % 150 === 149 ? alone : SHARED))
  const shared = await Promise.all(texts.map((text) => isShared(pool, text)))
  expect(shared.filter(Boolean).length).toBeGreaterThan(1_000)
})

test('a text that took others along may come back after a while, however seldom it runs', async () => {
  const pool = await start({ max: 3 })
  await expect(pool.query(QUOTIENT, [0])).rejects.toMatchObject({ code: '22012' })
  expect(await isShared(pool, QUOTIENT, [1])).toBe(false)
  await delay(1_100)
  // One that is slow now and then would come in with its 512th.
  expect(await comesIn(pool, QUOTIENT, [1], 400)).toBe(true)
})
