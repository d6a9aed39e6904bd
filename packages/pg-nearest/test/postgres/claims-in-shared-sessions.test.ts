import { startWorld, type World } from 'pg-nearest-world'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BookmarkStore } from '../../src/index.ts'
import { formatBookmark } from '../../src/session/bookmark-text.ts'
import { mergeBookmarks } from '../../src/session/merge-bookmarks.ts'
import { ask, caughtUp, until, withUsers } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** A client’s bookmark that nobody has signed, in a session within which others are shared. */

const FAR = 0xff00_0000_0000n

let world: World
let system: string
const pools = new TestPools()
beforeEach(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
  const [row] = await ask<{ system: string }>(
    world.url('nrt'),
    'select system_identifier::text as system from pg_control_system()',
  )
  system = row?.system ?? ''
})
afterEach(async () => {
  await pools.destroyAll()
  await world.stop()
})

function inMemory(): BookmarkStore {
  const kept = new Map<string, string>()
  return {
    get: (key) => Promise.resolve(kept.get(key)),
    put: (key, bookmark) => {
      kept.set(key, mergeBookmarks([kept.get(key), bookmark]) ?? bookmark)
      return Promise.resolve()
    },
  }
}

const farOn = (timeline: number): string => formatBookmark({ systemIdentifier: system, timeline, lsn: FAR })

test.each([
  ['a far position', () => farOn(1)],
  ['a later timeline', () => farOn(99)],
])('%s that the primary has refuted does not come back, and is told to nobody', async (_, make) => {
  const pool = await pools.start({ ...world.poolOptions('ord'), bookmarkStore: inMemory() })
  await caughtUp(world, pool)
  const lost: unknown[] = []
  pool.on('position-lost', (event) => lost.push(event))
  const outer = pool.session({ bookmark: make(), trusted: false })
  await outer.run(() => pool.sharedSession('team', () => outer.query('select 1')))
  const first = await outer.query({ text: 'select 1', timeoutMs: 5_000 })
  await until(
    async () => (await outer.query('select 1')).servedBy.server === 'ord',
    'the replica to show what it needs',
  )
  expect([first.servedBy.server, lost]).toEqual(['nrt', []])
})
