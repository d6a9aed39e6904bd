import { runSql } from '../cluster/run-sql.ts'
import { until } from '../cluster/standby-control.ts'
import { startWorld } from '../world.ts'
import { WorldError } from '../world-error.ts'
import type { World, WorldOptions } from '../world-types.ts'

/** What the runner calls before and after a file's tests: `beforeAll` and `afterAll` of Vitest and Jest, `before` and `after` of `node:test`. */
export interface TestHooks {
  readonly before: (work: () => Promise<void>) => unknown
  readonly after: (work: () => Promise<void>) => unknown
}

/** A world for the tests of one file. */
export interface WorldFixture {
  /** @throws WorldError `WORLD_WRONG_STATE` outside of the tests, when there is none. */
  readonly world: World
  /**
   * Runs `work` while no replica shows anything new, and then waits until all have caught up: what needs to see its own write, and does not
   * say so, fails in here each time, and not now and then in production. Costs some ten milliseconds.
   *
   * @param regions - whose replicas; default: all.
   * @returns what `work` returns.
   */
  whileLagging<T>(work: () => Promise<T> | T, regions?: readonly string[]): Promise<T>
}

/**
 * Starts a world before the tests of a file, and stops it after them.
 *
 * @param prepare - what the tests need in it, such as tables: runs once it is up, and every replica shows what it has written before the first test
 *   begins. A hook of your own is no place for that, because `node:test` on Node 20 does not wait for the one before it.
 *
 * @example
 * ```ts
 * import { createPool } from 'pg-nearest'
 * import { worldFixture } from 'pg-nearest-world/testing'
 * import { after, before, test } from 'node:test'
 *
 * const fixture = worldFixture({ primary: 'nrt', replicas: ['ord'] }, { before, after }, async (world) => {
 *   await using pool = createPool(world.poolOptions('nrt'))
 *   await pool.query('create table users (name text)')
 * })
 *
 * test('a user sees what they have saved, however late the replica is', async () => {
 *   await using pool = createPool(fixture.world.poolOptions('ord'))
 *   await fixture.whileLagging(async () => {
 *     await pool.query("insert into users values ('Ada')")
 *     const { rows } = await pool.query('select name from users')
 *     if (rows.length === 0) throw new Error('Ada is not there')
 *   })
 * })
 * ```
 */
export function worldFixture(
  options: WorldOptions,
  { before, after }: TestHooks,
  prepare?: (world: World) => unknown,
): WorldFixture {
  let running: World | undefined
  before(async () => {
    const world = await startWorld(options)
    try {
      await prepare?.(world)
      if (prepare !== undefined) await allCaughtUp(world, replicasOf(world))
    } catch (error) {
      await world.stop()
      throw error
    }
    running = world
  })
  after(async () => {
    await running?.stop()
    running = undefined
  })
  const world = (): World => {
    if (running !== undefined) return running
    throw new WorldError('WORLD_WRONG_STATE', 'There is no world here: it is up while the tests of this file run.')
  }
  return {
    get world() {
      return world()
    },
    whileLagging: (work, regions) => whileLagging(world(), work, regions),
  }
}

async function whileLagging<T>(
  world: World,
  work: () => Promise<T> | T,
  regions: readonly string[] = replicasOf(world),
): Promise<T> {
  try {
    await all(regions, (region) => world.pauseReplay(region))
    return await work()
  } finally {
    await all(regions, (region) => world.resumeReplay(region))
    await allCaughtUp(world, regions)
  }
}

function replicasOf({ regions, primary }: World): readonly string[] {
  return regions.filter((region) => region !== primary)
}

function all(regions: readonly string[], change: (region: string) => Promise<void>): Promise<unknown> {
  return Promise.all(regions.map(change))
}

async function allCaughtUp(world: World, regions: readonly string[]): Promise<void> {
  const position = await positionOf(world)
  await all(regions, (region) => caughtUp(world, region, position))
}

/** What is on the primary's disk: all that has been acknowledged. */
async function positionOf(world: World): Promise<string> {
  const [row] = await runSql<{ position: string }>(
    world.url(world.primary, { as: 'superuser' }),
    'select pg_current_wal_flush_lsn()::text as position',
  )
  return row?.position ?? '0/0'
}

function caughtUp(world: World, region: string, position: string): Promise<void> {
  const url = world.url(region, { as: 'superuser' })
  return until(async () => {
    const [row] = await runSql<{ there: boolean }>(url, `select pg_last_wal_replay_lsn() >= '${position}' as there`)
    return row?.there === true
  }, `${region} did not catch up`)
}
