import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** A pool that begins with one server, and hears of the others later. */

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(world.url('nrt'), 'create table notes (n int)')
  await caughtUp(world)
})
beforeEach(async () => {
  await ask(world.url('nrt'), 'truncate notes')
  await caughtUp(world)
  await world.pauseReplay('ord')
})
afterEach(async () => {
  await world.resumeReplay('ord')
  await pools.destroyAll()
})
afterAll(() => world.stop())

const one = (): { primary: { region: string; url: string } } => ({ primary: world.poolOptions('ord').primary })
const all = (): ReturnType<World['poolOptions']> => world.poolOptions('ord')

async function seen(pool: NearestPool): Promise<{ readonly notes: number; readonly by: string }> {
  const { rows, servedBy } = await pool.query<{ n: number }>('select count(*)::int as n from notes')
  return { notes: rows[0]?.n ?? 0, by: servedBy.server }
}

test('what was written before is seen after, and other reads go on locally', async () => {
  const pool = pools.create({ region: 'ord', ...one() })
  await pool.query('insert into notes values (1)')
  pool.setServers(all())
  await pool.refresh()
  expect(await seen(pool)).toEqual({ notes: 1, by: 'nrt' })
  await world.resumeReplay('ord')
  await caughtUp(world, pool)
  expect(await seen(pool)).toEqual({ notes: 1, by: 'ord' })
})

test('so is what was being written', async () => {
  const pool = pools.create({ region: 'ord', ...one() })
  const written = pool.query('insert into notes select 1 from pg_sleep(2)')
  pool.setServers(all())
  await pool.refresh()
  // This one settles what is known, but not what is still on its way.
  expect(await seen(pool)).toEqual({ notes: 0, by: 'nrt' })
  await written
  expect(await seen(pool)).toEqual({ notes: 1, by: 'nrt' })
})

test('what was written before a list was found is seen after', async () => {
  let found = false
  const pool = pools.create({ region: 'ord', ...one(), servers: () => (found ? all() : one()), serversIntervalMs: 100 })
  await pool.query('insert into notes values (1)')
  found = true
  await until(() => pool.regions().includes('ord'), 'the list')
  await pool.refresh()
  expect(await seen(pool)).toEqual({ notes: 1, by: 'nrt' })
})

test('a pool that has done nothing reads locally at once', async () => {
  const pool = pools.create({ region: 'ord', ...one() })
  pool.setServers(all())
  await pool.refresh()
  expect((await seen(pool)).by).toBe('ord')
})
