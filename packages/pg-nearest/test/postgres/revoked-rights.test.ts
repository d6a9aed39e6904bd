import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { administer, ask, caughtUp, until } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** Rights that go while the pool runs cost a question, and never a statement. Set by the superuser, because an ordinary role may not. */

let world: World
const pools = new TestPools()
const CALLS =
  'pg_control_system(), pg_last_wal_replay_lsn(), pg_current_wal_insert_lsn(), pg_walfile_name(pg_lsn), pg_current_wal_lsn()'

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(world.url('nrt'), 'create table notes (n int)')
  await caughtUp(world)
})
afterAll(() => world.stop())
afterEach(async () => {
  await pools.destroyAll()
  await administer(world, 'nrt', `grant execute on function ${CALLS} to public; truncate notes`)
  await caughtUp(world)
})

const take = async (): Promise<void> => {
  await administer(world, 'nrt', `revoke execute on function ${CALLS} from public`)
  await caughtUp(world)
}

const start = (): Promise<NearestPool> => pools.start({ ...world.poolOptions('ord'), probeIntervalMs: 60_000 })

describe.each<[string, (pool: NearestPool) => Pick<NearestPool, 'query' | 'transaction' | 'connect'>]>([
  ["in the process's session", (pool) => pool],
  ['in a session of its own', (pool) => pool.session()],
])('%s', (_, on) => {
  test('a transaction goes on', async () => {
    const pool = on(await start())
    await pool.transaction(async (tx) => {
      await tx.query('select 1')
      await take()
      await tx.query('select 2')
      await tx.query('insert into notes values (1)')
      await tx.query('savepoint a')
      await tx.query('select 3')
    })
    expect((await pool.query('select from notes')).rowCount).toBeGreaterThan(0)
  })

  test('so does a read-only one, on a replica', async () => {
    const pool = on(await start())
    await pool.query('select 1')
    const roles = await pool.transaction({ readOnly: true }, async (tx) => {
      const before = await tx.query('select 1')
      await take()
      const after = [await tx.query('select 2'), await tx.query('select 3')]
      return [before, ...after].map(({ servedBy }) => servedBy.role)
    })
    expect(roles).toEqual(['replica', 'replica', 'replica'])
  })

  test('a borrowed client goes on, and so do statements by themselves', async () => {
    const pool = on(await start())
    const client = await pool.connect()
    await client.query('begin')
    await client.query('insert into notes values (2)')
    await take()
    await client.query('select 1')
    await client.query('commit')
    client.release()
    for (const n of [3, 4, 5]) {
      await pool.query(`insert into notes values (${n})`)
      expect((await pool.query(`select from notes where n = ${n}`)).rowCount).toBe(1)
    }
  })
})

test('the status notices, and notices what was granted on the next connection', async () => {
  const options = { ...world.poolOptions('ord'), probeIntervalMs: 100 }
  const pool = await pools.start(options)
  const positions = (of: NearestPool): unknown[] => of.status().servers.map((server) => server.positions)
  expect(positions(pool)).toEqual(['full', 'full'])
  await take()
  await until(() => positions(pool).join() === 'none,none', 'the status to say so')
  await administer(world, 'nrt', `grant execute on function ${CALLS} to public`)
  await caughtUp(world)
  expect(positions(await pools.start(options))).toEqual(['full', 'full'])
})
