import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool } from '../../src/index.ts'
import { connectionsOf } from './connection-counts.ts'
import { caughtUp, withUsers } from './fixtures.ts'

/** All of Fly's, as far from each other as they are. */
const REGIONS = [
  'ams',
  'arn',
  'bom',
  'cdg',
  'dfw',
  'ewr',
  'fra',
  'gru',
  'iad',
  'jnb',
  'lax',
  'lhr',
  'ord',
  'sin',
  'sjc',
  'syd',
  'yyz',
]

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: REGIONS })
  await withUsers(world)
}, 180_000)
afterAll(() => world.stop())

test('eighteen regions: max to the replica next door, max to the primary, one to each other', async () => {
  const max = 5
  await using pool = createPool({ ...world.poolOptions('ord'), max, application_name: 'counted' })
  await caughtUp(world, pool)
  const texts = ['select name from users', 'insert into hits values (1)', 'select pg_sleep(0.01)']
  await Promise.all(Array.from({ length: 120 }, (_, i) => pool.query(texts[i % 3] ?? '')))
  await Promise.all(
    Array.from({ length: 20 }, () =>
      pool.transaction({ readOnly: true }, (tx) => tx.query('select count(*) from users')),
    ),
  )
  const counts = Object.fromEntries(
    await Promise.all(
      world.regions.map(async (region) => [region, await connectionsOf(world.url(region), 'counted')] as const),
    ),
  )
  const { nrt, ord, ...others } = counts
  const monitor = 1
  // For a moment, when it looks where a name in use leads.
  const renewal = 1
  expect(nrt).toBeLessThanOrEqual(max + monitor + renewal)
  expect(nrt, 'writes').toBeGreaterThan(monitor)
  expect(ord).toBeLessThanOrEqual(max + monitor + renewal)
  expect(ord, 'reads').toBeGreaterThan(monitor)
  expect(others).toEqual(
    Object.fromEntries(REGIONS.filter((region) => region !== 'ord').map((region) => [region, monitor])),
  )
}, 120_000)
