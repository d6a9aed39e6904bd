import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { inParallel } from '../long/in-parallel.ts'
import { caughtUp } from './fixtures.ts'
import { listening } from './http-doors.ts'
import { logIn, loginApp } from './login-app.ts'

const LOG_INS = 100
const AT_ONCE = 10

let world: World
const pools: NearestPool[] = []
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'] })
})
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.destroy()))
  await world.stop()
})

function poolIn(region: string): NearestPool {
  const pool = createPool(world.poolOptions(region))
  pools.push(pool)
  return pool
}

test('each log-in holds in the other region, though replicas are late', async () => {
  const here = await listening(loginApp(poolIn('ord'), true))
  const there = await listening(loginApp(poolIn('syd'), false))
  // The table is made by the first one that is saved.
  await fetch(`${here.url}/login/first`, { method: 'POST', redirect: 'manual' })
  await caughtUp(world, ...pools)
  await Promise.all([world.pauseReplay('ord'), world.pauseReplay('syd')])
  const users = Array.from({ length: LOG_INS }, (_, n) => `user-${n}`)
  const seen: string[] = []
  // A head waits for what its request writes no longer than a second, which all at once might take.
  await inParallel(LOG_INS, AT_ONCE, async (n) => {
    seen[n] = await logIn(`user-${n}`, here.url, there.url)
  })
  expect(seen).toEqual(users)
  await Promise.all([here.close(), there.close()])
})
