import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool } from '../../src/index.ts'
import { Counter } from '../leaks/counted.ts'
import { ask } from '../postgres/fixtures.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 4 })
})
afterAll(() => world.stop())

/** That many connections at once may take their time. */
const PATIENT = { probeTimeoutMs: 20_000, silenceTimeoutMs: 20_000, connectTimeoutMs: 20_000 }
/** By default: after a minute. */
const QUIET_AFTER_MS = 60_000
/** Without a timer or a socket nothing could come; and nothing does. */
const COUNTED_MS = 300_000

async function sessionsOf(region: string): Promise<number> {
  const [row] = await ask<{ n: number }>(
    world.url(region),
    'select sessions::int as n from pg_stat_database where datname = current_database()',
  )
  return row?.n ?? -1
}

test('fifty pools with the defaults, used and dropped, leave nothing and ask nothing', async () => {
  using counter = new Counter()
  await counter.run(async () => {
    const pools = Array.from({ length: 50 }, () =>
      createPool({ ...world.poolOptions('ord'), ...PATIENT, idleTimeoutMillis: 0 }),
    )
    await Promise.all(pools.map((pool) => pool.query('select 1')))
  })
  await sleep(QUIET_AFTER_MS / 2)
  expect((await counter.held()).timers, 'half a minute is not long enough').toBeGreaterThan(50)
  await sleep(QUIET_AFTER_MS / 2 + 10_000)
  expect(await counter.held()).toMatchObject({ timers: 0, sockets: 0 })
  const before = await Promise.all(world.regions.map(sessionsOf))
  await sleep(COUNTED_MS)
  // Each has been asked once more, by this test.
  expect(await Promise.all(world.regions.map(sessionsOf))).toEqual(before.map((sessions) => sessions + 1))
  expect(await counter.held()).toMatchObject({ timers: 0, sockets: 0 })
}, 600_000)
