import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { ask } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await ask(world.url('nrt'), 'create table one as select 1 as n')
})
afterAll(() => world.stop())

const pools = new TestPools()
afterEach(() => pools.destroyAll())

/** On the connection that it is run on, which is the only one. */
const NAMES = "select count(*)::int as n from pg_prepared_statements where name like 'pg_nearest_%'"
const MOST_NAMES = 256
const MOST_IN_BATCH = 64

async function start(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  const pool = await pools.start({ ...world.poolOptions('nrt'), lanes: true, max: 1, ...options })
  await warmUp(pool, [NAMES])
  // The first batch tells that there is no pooler in between.
  await namesOf(pool)
  return pool
}

/** A text is alone until it was seen to be quick. */
async function warmUp(pool: NearestPool, texts: readonly string[], values: unknown[] = []): Promise<void> {
  for (const text of texts) for (let i = 0; i < 2; i++) await pool.query(text, values)
}

/** Asked in a lane. */
async function namesOf(pool: NearestPool): Promise<number> {
  const [{ rows }] = await Promise.all([pool.query<{ n: number }>(NAMES), pool.query<{ n: number }>(NAMES)])
  return rows[0]?.n ?? Number.NaN
}

test('what stands around an error in its batch is prepared under one name, and closed when its time has come', async () => {
  const pool = await start()
  let most = 0
  for (let round = 0; round < 20; round++) {
    const texts = Array.from({ length: 40 }, (_, i) => `select ${round * 100 + i} as i from one`)
    const divide = `select 10 / ($1::int) as q, ${round} as round from one`
    await warmUp(pool, texts)
    await warmUp(pool, [divide], [1])
    const half = texts.length / 2
    const results = await Promise.allSettled([
      ...texts.slice(0, half).map((text) => pool.query<{ i: number }>(text)),
      pool.query(divide, [0]),
      ...texts.slice(half).map((text) => pool.query<{ i: number }>(text)),
    ])
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1)
    most = Math.max(most, await namesOf(pool))
  }
  expect(most).toBeLessThanOrEqual(MOST_NAMES + MOST_IN_BATCH)
})
