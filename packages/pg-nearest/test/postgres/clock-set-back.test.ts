import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { NearestPool, ServerStatus } from '../../src/index.ts'
import { ask, caughtUp, until, withUsers } from './fixtures.ts'
import { settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

const FIVE_MINUTES = 300_000
const timeOfDay = Date.now

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 4 })
  await withUsers(world)
})
afterAll(() => world.stop())
afterEach(async () => {
  vi.restoreAllMocks()
  await pools.destroyAll()
})

/** As an administrator, or NTP, would. */
const setBack = (): void => void vi.spyOn(Date, 'now').mockImplementation(() => timeOfDay() - FIVE_MINUTES)

const start = (): Promise<NearestPool> => pools.start({ ...world.poolOptions('ord'), probeIntervalMs: 100 })

function ord(pool: NearestPool): ServerStatus {
  const found = pool.status().servers.find(({ name }) => name === 'ord')
  if (found === undefined) throw new Error('no ord')
  return found
}

test('what is too stale stays so, and the status has the time of day', async () => {
  await caughtUp(world)
  const pool = await start()
  await world.pauseReplay('ord')
  try {
    await ask(world.url('nrt'), "insert into users (name) values ('Late')")
    await until(() => (ord(pool).stalenessMs ?? 0) > 1_500, 'ord to be stale')
    setBack()
    const seenAt = ord(pool).lastSeenAt ?? 0
    await until(() => (ord(pool).lastSeenAt ?? 0) > seenAt, 'ord to be asked')
    expect(ord(pool).stalenessMs).toBeGreaterThan(1_500)
    const text = "select 1 from users where name = 'Late'"
    const { rowCount, servedBy } = await pool.query({ text, consistency: { maxStalenessMs: 1_000 } })
    expect(servedBy.server).not.toBe('ord')
    expect(rowCount).toBe(1)
    for (const time of [pool.status().asOf, ord(pool).lastSeenAt ?? 0]) {
      expect(Math.abs(time - Date.now())).toBeLessThan(60_000)
    }
  } finally {
    await world.resumeReplay('ord')
  }
})

test('a write that waits for a primary hears of the one that is promoted after it', async () => {
  const pool = await start()
  await world.kill('nrt')
  const waiting = pool.query("insert into users (name) values ('Waited')")
  await sleep(300)
  setBack()
  await world.promote('ord')
  expect((await settled(waiting, 'the write', 10_000)).servedBy.server).toBe('ord')
})
