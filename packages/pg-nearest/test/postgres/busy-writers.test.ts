import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { administer, ask, caughtUp, until } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await ask(world.url('nrt'), 'create table notes (n int)')
  await caughtUp(world)
})
afterAll(() => world.stop())

const pools = new TestPools()
afterEach(() => pools.destroyAll())

const READS = 200
/** Two thirds of what counts as near. */
const AS_NEAR_MS = 2

/** In how many of these reads the replica was asked before the primary. */
async function timesAsked(pool: NearestPool): Promise<number> {
  let asked = 0
  for (let i = 0; i < READS; i++) {
    const { rows, servedBy } = await pool.query('select n from notes')
    expect(rows).toEqual([{ n: 1 }])
    expect(servedBy).toMatchObject({ role: 'primary', reason: 'lagging' })
    if (servedBy.attempts > 1) asked++
  }
  return asked
}

test('a process beside its primary does not ask a replica in vain again and again', async () => {
  const primary = { url: world.url('nrt'), region: 'nrt' }
  const pool = await pools.start({ region: 'nrt', primary, replicas: { nrt: world.url('ord') } })
  expect((await pool.query('select n from notes')).servedBy).toMatchObject({ role: 'replica' })
  // How near they are is the shortest of what was measured, and on a busy machine each probe of one of them may have been slow.
  const areAsNear = async (): Promise<boolean> => {
    await pool.refresh()
    const [nearest = 0, other = Infinity] = pool
      .status()
      .servers.map(({ rttMs = Infinity }) => rttMs)
      .toSorted((a, b) => a - b)
    return other - nearest < AS_NEAR_MS
  }
  await until(areAsNear, 'them to be as near as each other')
  await administer(world, 'ord', 'select pg_wal_replay_pause()')
  try {
    await pool.query('insert into notes values (1)')
    // Each time for as long as it has been behind by then, so that the number grows with the logarithm of the time. While the primary is measured
    // as further, which a busy machine can make it, a replica is asked each time, and rightly so: then it is counted again.
    await until(async () => (await timesAsked(pool)) < READS / 10, 'a replica that is as near to be asked seldom')
  } finally {
    await administer(world, 'ord', 'select pg_wal_replay_resume()')
  }
  await caughtUp(world, pool)
  expect((await pool.query('select n from notes')).servedBy).toMatchObject({ role: 'replica' })
})
