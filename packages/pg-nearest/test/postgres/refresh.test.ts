import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { isNearestError, type NearestPool, type NearestPoolOptions } from '../../src/index.ts'
import { administer, ask, until, withUsers } from './fixtures.ts'
import { errorOf, running, within } from './settling.ts'
import { TestPools } from './test-pools.ts'

const BOUND_MS = 6_000

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 40 })
  await withUsers(world)
})
afterAll(() => world.stop())
afterEach(async () => {
  world.heal('nrt', 'ord')
  await pools.destroyAll()
})

function appIn(region: string, options: Partial<NearestPoolOptions> = {}): NearestPool {
  const pool = pools.create({ ...world.poolOptions(region), ...options })
  pool.on('error', () => undefined)
  return pool
}

const onlyPrimary = () => ({ primary: world.url('nrt') })
const onlySyd = () => ({ primary: { region: 'syd', url: world.url('syd') } })

describe('refresh() while the list of servers changes: it ends', () => {
  test.each<{ how: string; change: (pool: NearestPool) => unknown }>([
    { how: 'to one that keeps only the primary', change: (pool) => pool.setServers(onlyPrimary()) },
    { how: 'to other servers altogether', change: (pool) => pool.setServers(onlySyd()) },
    {
      how: 'twice, and back again',
      change: (pool) => {
        pool.setServers(onlySyd())
        pool.setServers(world.poolOptions('ord'))
      },
    },
  ])('$how', async ({ change }) => {
    const cold = appIn('ord')
    const first = cold.refresh()
    change(cold)
    await within(BOUND_MS, 'the first refresh()', first)
    const warm = appIn('ord')
    await within(BOUND_MS, 'refresh()', warm.refresh())
    const second = warm.refresh()
    change(warm)
    await within(BOUND_MS, 'a later refresh()', second)
    await within(BOUND_MS, 'refresh() of the new list', warm.refresh())
    expect((await within(BOUND_MS, 'a read', warm.query('select 1 as one'))).rows).toEqual([{ one: 1 }])
  })

  test('away from a server that is silent', async () => {
    const pool = appIn('ord')
    await pool.refresh()
    world.partition('nrt', 'ord')
    const refreshed = pool.refresh()
    pool.setServers({ primary: { region: 'ord', url: world.url('ord') } })
    await within(BOUND_MS, 'refresh()', refreshed)
  })

  test('several at once', async () => {
    const pool = appIn('ord')
    const all = [pool.refresh(), pool.refresh()]
    pool.setServers(onlyPrimary())
    all.push(pool.refresh())
    await within(BOUND_MS, 'all of them', Promise.all(all))
  })

  test('by the function that names the servers', async () => {
    let list: NearestPoolOptions = world.poolOptions('ord')
    const pool = appIn('ord', { servers: () => list, serversIntervalMs: 100 })
    await pool.refresh()
    list = onlyPrimary()
    const changed = () => pool.status().servers.length === 1
    await until(async () => {
      await within(BOUND_MS, 'refresh()', pool.refresh())
      return changed()
    }, 'the list to change')
  })
})

describe('refresh() while the pool ends: it ends', () => {
  test.each<{ how: string; end: (pool: NearestPool) => Promise<void> }>([
    { how: 'end()', end: (pool) => pool.end() },
    { how: 'destroy()', end: (pool) => pool.destroy() },
  ])('by $how', async ({ end }) => {
    for (const warm of [false, true]) {
      const pool = appIn('ord')
      if (warm) await pool.refresh()
      const refreshed = errorOf(BOUND_MS, 'refresh()', pool.refresh())
      await within(BOUND_MS, 'the end', end(pool))
      const error = await refreshed
      if (error !== undefined && !isNearestError(error)) throw error
    }
  })

  test('on a silent server', async () => {
    const pool = appIn('ord')
    await pool.refresh()
    world.partition('nrt', 'ord')
    const refreshed = errorOf(BOUND_MS, 'refresh()', pool.refresh())
    await within(BOUND_MS, 'end()', pool.end())
    await refreshed
  })
})

describe('what runs or waits when its server leaves the list: it ends', () => {
  test('a read and a write that run', async () => {
    const pool = appIn('ord')
    await pool.refresh()
    const read = pool.query("select 'leaving' as kind, pg_sleep(2)")
    const write = pool.query("insert into users (name) select 'Leaving' from pg_sleep(2)")
    await Promise.all([
      running(world.url('ord'), "select 'leaving'"),
      running(world.url('nrt'), "insert into users (name) select 'Leaving'"),
    ])
    pool.setServers(onlySyd())
    expect((await within(BOUND_MS, 'the read', read)).rows).toMatchObject([{ kind: 'leaving' }])
    expect((await within(BOUND_MS, 'the write', write)).rowCount).toBe(1)
    expect(await ask(world.url('nrt'), "select 1 as one from users where name = 'Leaving'")).toEqual([{ one: 1 }])
  })

  test('a first statement whose connection is not open yet', async () => {
    const pool = appIn('ord')
    const results = [pool.query('select 1 as one'), pool.query('update hits set n = n'), pool.primary.query('select 1')]
    pool.setServers(onlyPrimary())
    for (const result of results) expect((await within(BOUND_MS, 'a statement', result)).rowCount).toBe(1)
  })

  test('writes that wait for a connection', async () => {
    const pool = appIn('ord', { max: 1 })
    await pool.refresh()
    const held = pool.primary.query('select pg_sleep(0.5)')
    const waiting = [1, 2, 3].map((n) => pool.query('update hits set n = $1', [n]))
    await until(() => pool.waitingCount === 3, 'three to wait')
    pool.setServers({ primary: { region: 'gone', url: world.url('nrt', { from: 'ord' }) } })
    await within(BOUND_MS, 'what ran', held)
    for (const result of waiting) expect((await within(BOUND_MS, 'a write', result)).rowCount).toBe(1)
  })
})

test('refresh() while a probe is under way knows afterwards what was written before it', async () => {
  world.setRtt('nrt', 'ord', 200)
  try {
    const pool = appIn('ord', { probeIntervalMs: 60_000 })
    await pool.refresh()
    const underWay = pool.refresh()
    // The primary has answered it, and the answer is not here yet.
    await sleep(150)
    const [written] = await administer<{ lsn: string }>(
      world,
      'nrt',
      "select pg_logical_emit_message(true, 'test', 'after the answer') as lsn",
    )
    const { servers } = await pool.refresh()
    await underWay
    const known = servers.find(({ name }) => name === 'nrt')?.lsn ?? '0/0'
    const shows = `select '${known}'::pg_lsn >= '${written?.lsn}'::pg_lsn as shows`
    expect(await ask(world.url('nrt'), shows)).toEqual([{ shows: true }])
  } finally {
    world.setRtt('nrt', 'ord', 40)
  }
})
