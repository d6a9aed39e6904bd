import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Consistency, NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { startNameSwitch, type NameSwitch } from './name-switch.ts'
import { TestPools } from './test-pools.ts'

/** A writer's name that leads to the old primary for a while after a promotion, and then to the new one, as DNS of a managed database. */

let world: World
let name: NameSwitch
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams'], rtt: 10 })
  await ask(world.url('nrt'), 'create table notes (n int)')
  await caughtUp(world)
})
afterAll(() => world.stop())
afterEach(async () => {
  await pools.destroyAll()
  await name[Symbol.asyncDispose]()
})

const others = (): string[] => world.regions.filter((region) => region !== world.primary)

/** A pool whose primary's name leads to the present one; `next` is to be promoted. */
async function startBehindName(options: Partial<NearestPoolOptions>): Promise<{ pool: NearestPool; next: string }> {
  const [next = '', reader = ''] = others()
  name = await startNameSwitch(world.url(world.primary))
  const pool = await pools.start({
    region: reader,
    primary: { region: 'primary', url: name.url },
    replicas: { [reader]: world.url(reader) },
    ...options,
  })
  return { pool, next }
}

describe.each([0, 2_000, 6_000])('a writer’s name that moves %i ms after the promotion', (lateMs) => {
  test('takes the writes again within a second', async () => {
    const { pool, next } = await startBehindName({ failoverTimeoutMs: 20_000 })
    await pool.query('insert into notes values (1)')
    await world.promote(next)
    const written = pool.query('insert into notes values (2)').then(() => performance.now())
    const reads = readAllTheWhile(pool, written)
    await sleep(lateMs)
    name.leadTo(world.url(next))
    const movedAt = performance.now()
    expect((await written) - movedAt).toBeLessThan(1_000)
    expect(await reads).toEqual([])
    // No connection to the old one is left to trip over.
    for (let i = 0; i < 20; i++)
      expect((await pool.query('insert into notes values (3)')).servedBy.role).toBe('primary')
  })
})

test('a write that runs behind the moved name is not cut off when the old primary answers late, as a standby', async () => {
  const old = world.primary
  const { pool, next } = await startBehindName({ failoverTimeoutMs: 20_000, connectTimeoutMs: 15_000 })
  await pool.query('insert into notes values (8)')
  const late = name.hold()
  await world.promote(next)
  await until(() => late.count > 0, 'a probe that dials the old one')
  await until(() => isStandby(old), 'the old primary to follow')
  name.leadTo(world.url(next))
  // Another connection than the probe's may have been dialled to the old one, too: the writes that it is meant for begin later.
  const writes = Array.from({ length: 5 }, () => pool.query('insert into notes select 9 from pg_sleep(2)'))
  const settled = Promise.allSettled(writes)
  const isRunning = async (): Promise<boolean> => {
    const active = "select from pg_stat_activity where state = 'active' and query like '%9 from pg_sleep(2)'"
    return (await ask(world.url(next), `${active} and pid <> pg_backend_pid()`)).length > 0
  }
  await until(isRunning, 'a write to run')
  late.letGo(world.url(old))
  for (const result of await settled) expect(result).toMatchObject({ status: 'fulfilled' })
  expect(await ask(world.url(next), 'select from notes where n = 9')).toHaveLength(5)
})

test.each<[Consistency, boolean]>([
  ['strong', true],
  ['strong', false],
  [{ maxStalenessMs: 0 }, true],
  [{ maxStalenessMs: 0 }, false],
])(
  'what must be shown by the only server is not shown by a standby that its name leads to: %j, with lanes: %s',
  async (consistency, lanes) => {
    const [next = ''] = others()
    name = await startNameSwitch(world.url(world.primary))
    const pool = await pools.start({ primary: name.url, probeIntervalMs: 30_000, failoverTimeoutMs: 1_000, lanes })
    const demanding = async (): Promise<number> =>
      (await pool.query({ text: 'select from notes where n = 77', consistency })).rows.length
    expect(await demanding()).toBe(0)
    const holder = await pool.connect()
    await holder.query('begin')
    await world.pauseReplay(next)
    try {
      await ask(world.url(world.primary), 'insert into notes values (77)')
      name.leadTo(world.url(next))
      const error = (await demanding().catch((reason: unknown) => reason)) as Error
      expect(error).toMatchObject({ code: 'NEAREST_NO_SERVER' })
      // Nobody has asked for a session.
      expect(error.message).not.toContain('session')
      expect(error.message).toContain(consistency === 'strong' ? "consistency: 'strong'" : 'maxStalenessMs')
    } finally {
      await holder.query('rollback')
      holder.release()
      await world.resumeReplay(next)
      await ask(world.url(world.primary), 'delete from notes where n = 77')
    }
  },
)

test('a connection that was dialled to the old primary is not taken for writes again and again', async () => {
  const old = world.primary
  const { pool, next } = await startBehindName({ failoverTimeoutMs: 5_000, idleTimeoutMillis: 500 })
  const write = () => pool.query('insert into notes values (6)')
  await write()
  await world.promote(next)
  name.leadTo(world.url(next))
  await until(() => write().then(Boolean, () => false), 'writes')
  await until(() => isStandby(old), 'the old primary to follow')
  // What was dialled before is closed, and the next is dialled by an old answer of the name server.
  await until(() => pool.status().servers[0]?.connections.total === 0, 'no connection')
  name.leadTo(world.url(old))
  await pool.query({ text: 'insert into notes values (7)', timeoutMs: 400 }).catch(() => undefined)
  name.leadTo(world.url(next))
  for (let i = 0; i < 3; i++) expect((await write()).servedBy.role).toBe('primary')
})

async function isStandby(region: string): Promise<boolean> {
  const asked = ask<{ standby: boolean }>(world.url(region), 'select pg_is_in_recovery() as standby')
  const [row] = await asked.catch(() => [])
  return row?.standby ?? false
}

async function readAllTheWhile(pool: NearestPool, end: Promise<unknown>): Promise<unknown[]> {
  let over = false
  void end.finally(() => (over = true))
  const failed: unknown[] = []
  while (!over) {
    await pool
      .query({ text: 'select count(*) from notes', consistency: 'eventual' })
      .catch((error: unknown) => failed.push(error))
    await sleep(10)
  }
  return failed
}

test('one database whose name first led to a reader takes writes when it has moved', async () => {
  const [reader = ''] = others()
  name = await startNameSwitch(world.url(reader))
  const pool = pools.create({ primary: name.url })
  await pool.query('select 1')
  await expect(pool.query('insert into notes values (4)')).rejects.toMatchObject({ code: '25006' })
  name.leadTo(world.url(world.primary))
  await until(
    () =>
      pool.query('insert into notes values (5)').then(
        () => true,
        () => false,
      ),
    'a write',
    2_000,
    50,
  )
})
