import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { caughtUp } from '../postgres/fixtures.ts'
import { listening } from '../postgres/http-doors.ts'
import { logIn, loginApp } from '../postgres/login-app.ts'
import { replayLate } from '../postgres/replay-late.ts'
import { TestPools } from '../postgres/test-pools.ts'
import { inParallel } from './in-parallel.ts'

const LOG_INS = 1_000
const LATE_MS = 300

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 20 })
})
afterAll(async () => {
  await pools.destroyAll()
  await world.stop()
})

test('each of 1,000 log-ins holds in the other region, whose replica is 300 ms late', async () => {
  const [ord, syd] = [await pools.start(world.poolOptions('ord')), await pools.start(world.poolOptions('syd'))]
  const here = await listening(loginApp(ord, true))
  const there = await listening(loginApp(syd, false))
  // The table is made by the first one that is saved.
  await fetch(`${here.url}/login/first`, { method: 'POST', redirect: 'manual' })
  await caughtUp(world, ord, syd)
  await replayLate(world, ['ord', 'syd'], LATE_MS)
  const lost: string[] = []
  await inParallel(LOG_INS, 20, async (n) => {
    const user = `user-${n}`
    const known = await logIn(user, here.url, there.url)
    if (known !== user) lost.push(`${user}: ${known}`)
  })
  expect(lost).toEqual([])
  await Promise.all([here.close(), there.close()])
})
