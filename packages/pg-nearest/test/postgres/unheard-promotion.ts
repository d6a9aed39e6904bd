import type { World } from 'pg-nearest-world'
import type { BookmarkStore, NearestPool } from '../../src/index.ts'
import { mergeBookmarks } from '../../src/session/merge-bookmarks.ts'
import { administer, caughtUp, until } from './fixtures.ts'
import type { TestPools } from './test-pools.ts'

export function storeInMemory(): BookmarkStore {
  const kept = new Map<string, string>()
  return {
    get: (key) => Promise.resolve(kept.get(key)),
    put: (key, bookmark) => {
      kept.set(key, mergeBookmarks([kept.get(key), bookmark]) ?? bookmark)
      return Promise.resolve()
    },
  }
}

/**
 * In a world with the primary `nrt` and the replica `ord`: promotes `ord`, and writes there in the shared session `team`. Returns a pool to
 * which that session is open, too, and which has not heard of the promotion.
 */
export async function promoteUnheard(world: World, pools: TestPools, options: object = {}): Promise<NearestPool> {
  const bookmarkStore = storeInMemory()
  const here = await pools.start({ ...world.poolOptions('nrt'), failoverTimeoutMs: 1_000, bookmarkStore, ...options })
  const there = await pools.start({ ...world.poolOptions('ord'), bookmarkStore })
  await caughtUp(world, here, there)
  await Promise.all([here.query('select 1'), there.query('select 1')])
  world.partition('nrt', 'ord')
  await administer(world, 'ord', 'select pg_promote()')
  await untilWriter(there, 'ord')
  await there.sharedSession('team', () => there.query("insert into users (name) values ('Promoted')"))
  return here
}

export function untilWriter(pool: NearestPool, server: string): Promise<void> {
  const isWriter = (): boolean => pool.status().servers.some(({ name, writeTo }) => name === server && writeTo)
  return until(isWriter, `${server} to take the writes`)
}
