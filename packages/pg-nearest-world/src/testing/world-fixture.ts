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
 * @example
 * ```ts
 * import { createPool } from 'pg-nearest'
 * import { worldFixture } from 'pg-nearest-world/testing'
 * import { after, before, test } from 'node:test'
 *
 * const fixture = worldFixture({ primary: 'nrt', replicas: ['ord'] }, { before, after })
 *
 * test('a user sees what they have saved, however late the replica is', async () => {
 *   await using pool = createPool(fixture.world.poolOptions('ord'))
 *   await pool.query('create table if not exists users (name text)')
 *   await fixture.whileLagging(async () => {
 *     await pool.query("insert into users values ('Ada')")
 *     const { rows } = await pool.query('select name from users')
 *     if (rows.length === 0) throw new Error('Ada is not there')
 *   })
 * })
 * ```
 */
export function worldFixture(options: WorldOptions, { before, after }: TestHooks): WorldFixture {
  let running: World | undefined
  before(async () => {
    running = await startWorld(options)
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
  regions: readonly string[] = world.regions.filter((region) => region !== world.primary),
): Promise<T> {
  const all = (change: (region: string) => Promise<void>): Promise<unknown> => Promise.all(regions.map(change))
  try {
    await all((region) => world.pauseReplay(region))
    return await work()
  } finally {
    await all((region) => world.resumeReplay(region))
    const position = await positionOf(world)
    await all((region) => caughtUp(world, region, position))
  }
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
