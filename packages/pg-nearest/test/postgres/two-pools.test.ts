import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { administer, ask, caughtUp, withUsers } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** Two pools of one process that lead to one cluster share the process's own session. */
let world: World
const pools = new TestPools()
let inserted = 0

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 2 })
  await withUsers(world)
})
afterAll(() => world?.stop())
// Only a superuser may pause the replay.
beforeEach(() => caughtUp(world))
afterEach(async () => {
  await administer(world, 'ord', 'select pg_wal_replay_resume()')
  await pools.destroyAll()
})

const pause = (): Promise<unknown> => administer(world, 'ord', 'select pg_wal_replay_pause()')
const oneDatabase = (): NearestPool => pools.create({ primary: world.url('nrt'), application_name: 'one database' })
const several = (): Promise<NearestPool> => pools.start(world.poolOptions('ord'))

async function write(pool: NearestPool): Promise<string> {
  const name = `user ${++inserted}`
  await pool.query('insert into users (name) values ($1)', [name])
  return name
}

async function shows(pool: NearestPool, name: string): Promise<boolean> {
  return (await pool.query('select from users where name = $1', [name])).rowCount === 1
}

test('what one has written the other one reads, though its replica is late, and it goes back to that', async () => {
  const [writer, reader] = [await several(), await several()]
  expect((await reader.query('select 1')).servedBy.server).toBe('ord')
  await pause()
  expect(await shows(reader, await write(writer))).toBe(true)
  await administer(world, 'ord', 'select pg_wal_replay_resume()')
  await caughtUp(world, reader)
  await reader.query('select 1')
  expect((await reader.query('select 1')).servedBy.server).toBe('ord')
})

test('what one with one database has written, before there was another and after', async () => {
  const writer = oneDatabase()
  await pause()
  const before = await write(writer)
  const reader = await several()
  expect(await shows(reader, before)).toBe(true)
  const after = await write(writer)
  expect(await shows(reader, after)).toBe(true)
})

test('one with one database asks for positions only while another one could read something stale', async () => {
  const asks = async (pool: NearestPool): Promise<boolean> => {
    await pool.query('select count(*) from users')
    const [row] = await ask<{ query: string }>(
      world.url('nrt'),
      "select query from pg_stat_activity where application_name = 'one database'",
    )
    return row?.query.includes('pg_current_wal_insert_lsn') ?? false
  }
  const pool = oneDatabase()
  expect(await asks(pool)).toBe(false)
  const second = oneDatabase()
  await second.query('select 1')
  await second.end()
  expect(await asks(pool)).toBe(false)
  const reader = await several()
  await reader.query('select 1')
  expect(await asks(pool)).toBe(true)
  await reader.end()
  expect(await asks(pool)).toBe(false)
})
