import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterEach, expect, test } from 'vitest'
import { administer, ask, caughtUp, until } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/**
 * A standby whose backend crashes recovers within the same postmaster: the machine keeps its name and its start time, and shows less than
 * before until it has replayed everything again.
 */

const pools = new TestPools()
afterEach(() => pools.destroyAll())

/** Makes a restart point of everything that is committed so far, which is where recovery begins. */
async function checkpoint(world: World): Promise<void> {
  await caughtUp(world)
  await administer(world, 'nrt', 'checkpoint')
  const [at] = await administer<{ lsn: string }>(world, 'nrt', 'select pg_current_wal_lsn() as lsn')
  const reached = `select where pg_last_wal_replay_lsn() >= '${at?.lsn}'`
  const hasReached = async () => (await administer(world, 'ord', reached)).length === 1
  await until(hasReached, 'ord to catch up')
  await administer(world, 'ord', 'checkpoint')
}

/** From now on the standby replays nothing but what it needs to become consistent. */
async function delayReplay(world: World): Promise<void> {
  await administer(world, 'ord', "alter system set recovery_min_apply_delay = '1h'")
  await administer(world, 'ord', 'select pg_reload_conf()')
  await sleep(200)
}

async function crash(world: World): Promise<void> {
  const others = `select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() limit 1`
  const [row] = await administer<{ pid: number }>(world, 'ord', others)
  if (row === undefined) throw new Error('nobody is connected to ord')
  process.kill(row.pid, 'SIGKILL')
  await sleep(500)
  await until(async () => (await ask(world.url('ord'), 'select 1').catch(() => [])).length === 1, 'ord to come back')
}

test.each([true, false])('what the process has read there, with lanes: %s', async (lanes) => {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(world.url('nrt'), 'create table items (n int)')
  await checkpoint(world)
  const pool = await pools.start({ ...world.poolOptions('ord'), lanes })
  for (let i = 0; i < 4; i++) await pool.query('select n from items')
  await ask(world.url('nrt'), 'insert into items values (1)')
  await until(async () => (await ask(world.url('ord'), 'select n from items')).length === 1, 'ord to catch up')
  const { rows, servedBy } = await pool.query('select n from items')
  expect({ rows, server: servedBy.server }).toEqual({ rows: [{ n: 1 }], server: 'ord' })
  await delayReplay(world)
  await crash(world)
  expect(await ask(world.url('ord'), 'select n from items')).toEqual([])
  // Asks the standby for its position, which is an earlier one now.
  await pool.refresh()
  expect((await pool.query({ text: 'select n from items', timeoutMs: 5_000 })).rows).toEqual([{ n: 1 }])
})

test('what the process has read there, once the primary is back, whatever it was shown unproven meanwhile', async () => {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(world.url('nrt'), 'create table items (n int)')
  await checkpoint(world)
  const pool = await pools.start({ ...world.poolOptions('ord'), probeIntervalMs: 30_000 })
  const read = async () => pool.query({ text: 'select n from items', timeoutMs: 9_000 })
  for (let i = 0; i < 4; i++) await read()
  await ask(world.url('nrt'), 'insert into items values (1)')
  await until(async () => (await ask(world.url('ord'), 'select n from items')).length === 1, 'ord to catch up')
  const { rows, servedBy } = await read()
  expect({ rows, server: servedBy.server }).toEqual({ rows: [{ n: 1 }], server: 'ord' })
  await delayReplay(world)
  await world.kill('nrt')
  await crash(world)
  const healthNow = async (): Promise<string> => (await pool.refresh()).servers.map(({ health }) => health).join()
  await until(async () => (await healthNow()) === 'down,up', 'the pool to know')
  for (let i = 0; i < 4; i++) expect((await read()).servedBy).toMatchObject({ server: 'ord', reason: 'unproven' })
  await world.start('nrt')
  await until(async () => (await healthNow()) === 'up,up', 'all to be up')
  expect((await read()).rows).toEqual([{ n: 1 }])
})
