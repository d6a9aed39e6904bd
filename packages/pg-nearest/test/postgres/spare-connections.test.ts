import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { administer, until, withUsers } from './fixtures.ts'
import { connectionsOf } from './connection-counts.ts'
import { RoundTripCounter } from './round-trip-counter.ts'
import { TestPools } from './test-pools.ts'

/** Across the ocean, to the primary. */
const LINK_MS = 100
const APP = 'spare test'

let world: World
const pools = new TestPools()
/** Across the ocean, by the latest pool. */
let counter: RoundTripCounter

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: LINK_MS })
  await withUsers(world)
})
afterAll(() => world?.stop())
afterEach(() => pools.destroyAll())

async function start(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  counter = new RoundTripCounter(world.url('nrt', { from: 'ord' }), LINK_MS)
  return pools.start({
    ...world.poolOptions('ord'),
    application_name: APP,
    probeIntervalMs: 600_000,
    idleTimeoutMillis: 100,
    stream: counter.stream,
    ...options,
  })
}

const openTo = (region: string): Promise<number> => connectionsOf(world.url(region), APP)
/** Beside the monitor's, and so many that are taken. */
async function isReady(region: string, taken = 0): Promise<void> {
  await until(async () => (await openTo(region)) === 2 + taken, `a connection to ${region} that is ready`)
  // The server lists it before it says so.
  await sleep(2 * LINK_MS)
}

let serial = 0
const insert = (by: NearestPool): Promise<unknown> =>
  by.query('insert into users (name, age) values ($1, 1)', [`Rare ${++serial}`])

const tripsOf = async (work: () => Promise<unknown>): Promise<number> => (await counter.of(work)).trips

test('the first write of a process, and the first after the idle ones were closed: one round trip', async () => {
  const pool = await start()
  for (let n = 0; n < 2; n++) {
    await isReady('nrt')
    expect(pool.totalCount).toBe(0)
    expect(await tripsOf(() => insert(pool))).toBe(1)
    await until(() => pool.totalCount === 0, 'no connection of the pool')
  }
})

test('after a minute of nothing but reads near by, too', async () => {
  const pool = await start()
  await isReady('nrt')
  await insert(pool)
  for (let n = 0; n < 10; n++) {
    await pool.replica().query('select 1')
    await sleep(300)
  }
  expect(pool.totalCount).toBeLessThanOrEqual(1)
  expect(await tripsOf(() => insert(pool))).toBe(1)
})

test('while one is taken the next is made, within max', async () => {
  const pool = await start({ max: 2 })
  await isReady('nrt')
  const holder = await pool.primary.connect()
  await holder.query('select 1')
  await isReady('nrt', 1)
  expect(await tripsOf(() => insert(pool))).toBe(1)
  const other = await pool.primary.connect()
  await other.query('select 1')
  await sleep(1_500)
  expect([await openTo('nrt'), pool.totalCount]).toEqual([3, 2])
  holder.release()
  other.release()
})

test('until it is taken it is none of the pool’s; one that dies is made again, and nobody hears of it', async () => {
  const heard: string[] = []
  const pool = await start({
    onConnect: () => void heard.push('onConnect'),
    log: (said: string) => void heard.push(said),
  })
  for (const event of ['connect', 'remove', 'error', 'problem']) pool.on(event as 'connect', () => heard.push(event))
  for (const region of world.regions) await isReady(region)
  await administer(
    world,
    'nrt',
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = '${APP}' and query = ''`,
  )
  const before = counter.begun
  await until(() => counter.begun > before, 'another one')
  await isReady('nrt')
  expect([heard, pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([[], 0, 0, 0])
  expect(await tripsOf(() => insert(pool))).toBe(1)
  expect(heard.filter((each) => each === 'connect' || each === 'onConnect')).toEqual(['onConnect', 'connect'])
})

test('a pool that nobody uses opens no more than these, whatever it closes', async () => {
  const pool = await start({ idleTimeoutMillis: 10 })
  for (const region of world.regions) await isReady(region)
  await sleep(3_000)
  expect([counter.begun, pool.totalCount]).toEqual([2, 0])
  await pool.end()
  for (const region of world.regions) expect(await openTo(region)).toBe(0)
})

test('a pool that goes quiet has none', async () => {
  const pool = await start({ quietAfterMs: 2_500 })
  await isReady('nrt')
  await until(() => pool.status().quiet, 'the pool to be quiet')
  for (const region of world.regions) await until(async () => (await openTo(region)) === 0, `none to ${region}`)
  await sleep(1_500)
  expect(counter.begun).toBe(2)
})

test.each([
  ['min: 0', { min: 0 }],
  ['one database', { replicas: {} }],
])('%s: none', async (_, options) => {
  const pool = await start(options)
  await pool.primary.query('select 1')
  await until(() => pool.totalCount === 0, 'no connection of the pool')
  await sleep(1_500)
  // The probes', and the statement's.
  expect(counter.begun).toBe(2)
})

test('where only the primary is read, only to that', async () => {
  await start({ mode: 'primary-only' })
  await isReady('nrt')
  await sleep(1_500)
  expect(await openTo('ord')).toBe(1)
})

test('half of maxLifetimeSeconds, and it is made anew: whoever takes it has it for the other half', async () => {
  await start({ maxLifetimeSeconds: 2 })
  await isReady('nrt')
  await until(() => counter.begun === 4, 'it to be made anew twice')
})

test('a server that refuses it is asked again, and then ever more rarely; statements go on', async () => {
  const url = new URL(world.url('nrt'))
  const pool = await start()
  const problems: unknown[] = []
  pool.on('problem', (problem) => problems.push(problem))
  await isReady('nrt')
  // The monitor's, and the one that is taken.
  await administer(world, 'nrt', `alter role ${url.username} connection limit 2`)
  try {
    const client = await pool.primary.connect()
    await client.query('select 1')
    const before = counter.begun
    await until(() => counter.begun > before, 'another one to be asked for')
    await sleep(4_000)
    // And again after one second and after two.
    expect(counter.begun - before).toBeLessThanOrEqual(3)
    expect([problems, pool.status().servers.map(({ health }) => health)]).toEqual([[], ['up', 'up']])
    client.release()
    expect(await tripsOf(() => insert(pool))).toBe(1)
  } finally {
    await administer(world, 'nrt', `alter role ${url.username} connection limit -1`)
  }
})

test('a process that ends its pool goes on after that', async () => {
  const script = `
    import { setTimeout as sleep } from 'node:timers/promises'
    import { createPool } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
    const pool = createPool(${JSON.stringify(world.poolOptions('ord'))})
    await sleep(1_500)
    await pool.end()
    console.log('ended')`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  expect(stdout).toBe('ended\n')
})
