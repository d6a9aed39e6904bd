import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { running, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** The server that a pool takes for the primary has come back as a replica, and the pool has not heard of it yet. */
let world: World
let pool: NearestPool
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(world.url(world.primary), 'create table notes (text text not null)')
})
afterAll(() => world?.stop())
afterEach(() => pools.destroyAll())

beforeEach(async () => {
  await ask(world.url(world.primary), 'truncate notes')
  await caughtUp(world)
  pool = await pools.start({ ...world.poolOptions('ord'), probeIntervalMs: 600_000 })
  await pool.query("insert into notes values ('before')")
  await caughtUp(world)
  await world.promote(world.primary === 'nrt' ? 'ord' : 'nrt')
})

const notes = async (): Promise<string[]> =>
  (await ask<{ text: string }>(world.url(world.primary), 'select text from notes order by text desc')).map(
    ({ text }) => text,
  )
const demoted = (): string => (world.primary === 'nrt' ? 'ord' : 'nrt')

// Whoever is nearer to the process tells first: the one that was promoted, or the one that was demoted.
test.each(['ord', 'nrt'])(
  'what runs there is not cut off when that is found out: it runs on the new primary, %s',
  async (promoted) => {
    expect(world.primary).toBe(promoted)
    const write = pool.query("do $$ begin perform pg_sleep(1); insert into notes values ('after'); end $$")
    await running(world.url(demoted()), 'do $$')
    await pool.refresh()
    expect((await settled(write, 'the write')).servedBy).toMatchObject({ server: world.primary })
    expect(await notes()).toEqual(['before', 'after'])
  },
)
