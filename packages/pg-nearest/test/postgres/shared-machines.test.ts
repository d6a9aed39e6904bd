import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { NearestPool, NearestPoolOptions, ServerStatus } from '../../src/index.ts'
import { joinMachine, processMachines } from '../../src/positions/process-machine-listeners.ts'
import type { Sighting } from '../../src/positions/sighting.ts'
import { administer, ask, caughtUp, roleOf, until, withUsers } from './fixtures.ts'
import { startNameSwitch } from './name-switch.ts'
import { TestPools } from './test-pools.ts'

/** One pool that asks often, and others of the same process that by themselves would not ask before the test is over. */
const OFTEN = { probeIntervalMs: 50 }
const SELDOM = { probeIntervalMs: 600_000 }

let world: World
/** It begins with the same copy as the world, so that it is of the same cluster, as a restored backup is. */
let backup: World
const pools = new TestPools()

beforeAll(async () => {
  ;[world, backup] = await Promise.all([
    startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 4 }),
    startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 1 }),
  ])
  await withUsers(world)
  // Only a superuser may make roles and databases.
  await administer(world, 'nrt', "create role guest login password 'guest'")
  await administer(world, 'nrt', 'create database guests owner guest')
  await caughtUp(world)
})
afterAll(() => Promise.all([world, backup].map((each) => each?.stop())))
afterEach(async () => {
  await pools.destroyAll()
  if (processMachines().size > 0) throw new Error('a pool has left something')
})

const start = (options: Partial<NearestPoolOptions>, region = 'ord'): Promise<NearestPool> =>
  pools.start({ ...world.poolOptions(region), ...options })

/** The same servers for another user in another database, by other names. */
function forGuests(region: string): NearestPoolOptions {
  const guest = (text: string): string => {
    const url = new URL(text)
    url.username = url.password = 'guest'
    url.hostname = 'localhost'
    url.pathname = '/guests'
    return url.href
  }
  const { primary, replicas } = world.poolOptions(region)
  return {
    region,
    primary: { region: primary.region, url: guest(primary.url) },
    replicas: Object.fromEntries(Object.entries(replicas).map(([name, url]) => [name, guest(url)])),
  }
}

function stateOf(pool: NearestPool, name: string): ServerStatus {
  const found = pool.status().servers.find((server) => server.name === name)
  if (found === undefined) throw new Error(`no ${name}`)
  return found
}

const write = (): Promise<unknown> => ask(world.url('nrt'), 'update hits set n = n + 1')

test('what one pool has seen of a position makes another one ask there, which still proves it', async () => {
  // From here both are so far away that a replica that may be behind comes after the primary.
  world.setRtt('syd', 'ord', 60)
  world.setRtt('syd', 'nrt', 120)
  try {
    const { primary, replicas } = world.poolOptions('syd')
    const near = { region: 'syd', primary, replicas: { ord: replicas.ord ?? '' } }
    const b = await pools.start({ ...near, ...SELDOM })
    const insert = async (): Promise<void> => void (await b.query('update hits set n = n + 1'))
    const reader = async (): Promise<string> => (await b.query('select n from hits')).servedBy.server
    await insert()
    await caughtUp(world)
    expect(await reader()).toBe('nrt')
    await insert()
    await caughtUp(world)
    await start(OFTEN, 'syd')
    await until(async () => (await reader()) === 'ord', 'a read next door')
    // What was raised is only a guess.
    await world.pauseReplay('ord')
    await insert()
    expect(await reader()).toBe('nrt')
  } finally {
    await world.resumeReplay('ord')
    world.setRtt('syd', 'ord', 4)
    world.setRtt('syd', 'nrt', 4)
  }
})

test('what is told and is not true costs a question, and no law', async () => {
  const b = await start(SELDOM)
  const key = [...processMachines().keys()].find((each) => each.includes(stateOf(b, 'ord').machine ?? ''))
  const liar = joinMachine(processMachines(), key ?? '', () => undefined)
  const tell = (lie: Partial<Sighting>): void => {
    const ahead = {
      standby: true,
      timeline: 1,
      lsn: 2n ** 60n,
      at: performance.now(),
      walEnd: undefined,
      lacksSince: 0,
    }
    liar.tell({ ...ahead, ...lie })
  }
  await caughtUp(world)
  await world.pauseReplay('ord')
  try {
    const session = b.session()
    for (const lie of [{}, { standby: false, timeline: 9 }, { timeline: 9 }, { lsn: 'junk' as unknown as bigint }]) {
      const [row] = (await session.query<{ n: number }>('update hits set n = n + 1 returning n')).rows
      const asked = stateOf(b, 'ord').lastSeenAt ?? 0
      tell(lie)
      const { rows, servedBy } = await session.query('select n from hits')
      expect(rows).toEqual([row])
      expect(servedBy.server).not.toBe('ord')
      if (lie.standby === false) await until(() => (stateOf(b, 'ord').lastSeenAt ?? 0) > asked, 'it to be asked')
    }
    expect([roleOf(b.status(), 'ord'), stateOf(b, 'ord').timeline, b.status().problems]).toEqual(['replica', 1, []])
    expect((await b.query('update hits set n = n + 1')).servedBy.server).toBe('nrt')
  } finally {
    liar.leave()
    await world.resumeReplay('ord')
  }
})

test('a new pool knows since when a replica receives nothing', async () => {
  const a = await start(OFTEN, 'syd')
  world.partition('nrt', 'ord')
  try {
    await write()
    await until(() => (stateOf(a, 'ord').stalledMs ?? 0) > 500, 'the first pool to see it')
    const before = performance.now()
    const b = await start(OFTEN, 'syd')
    await until(() => (stateOf(b, 'ord').stalledMs ?? 0) > performance.now() - before, 'the second pool to know it')
  } finally {
    world.heal('nrt', 'ord')
  }
})

test('a pool whose password is changed, and one that ends, touch no other', async () => {
  const a = await pools.start({ ...forGuests('ord'), ...OFTEN, idleTimeoutMillis: 1 })
  const b = await start({ ...OFTEN, max: 1 })
  expect(processMachines().size).toBe(3)
  const pid = async (): Promise<unknown> => (await b.query('select pg_backend_pid() as pid')).rows[0]?.pid
  const [before, pidBefore] = [b.bookmark(), await pid()]
  const told: unknown[] = []
  for (const event of ['problem', 'topology', 'primary', 'position-lost'] as const)
    b.on(event, (of) => told.push([event, of]))
  // Only a superuser may change another role's password, and end its connections.
  await administer(world, 'nrt', `alter role guest password 'another'`)
  await caughtUp(world)
  for (const region of world.regions)
    await administer(world, region, `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'guest'`)
  await until(() => a.status().servers.every(({ health }) => health !== 'up'), 'the first pool to be locked out')
  await expect(a.query('select 1')).rejects.toThrow(/password authentication failed/)
  const untouched = async (): Promise<void> => {
    await Promise.all(world.regions.map(() => b.refresh()))
    expect([told, b.bookmark(), await pid()]).toEqual([[], before, pidBefore])
    expect(b.status()).toMatchObject({ problems: [], servers: world.regions.map(() => ({ health: 'up' })) })
  }
  await untouched()
  await a.end()
  await untouched()
  expect(processMachines().size).toBe(3)
  await administer(world, 'nrt', `alter role guest password 'guest'`)
  await caughtUp(world)
})

test('pools that are ended, dropped or quiet leave nothing, and those that wake are there again', async () => {
  // That many connections at once may take their time.
  const patient = { probeTimeoutMs: 20_000, connectTimeoutMs: 20_000 }
  const made = Array.from({ length: 50 }, (_, i) =>
    pools.create({ ...world.poolOptions('ord'), quietAfterMs: i % 2 === 0 ? 1 : 60_000, ...patient }),
  )
  await Promise.all(made.map((pool) => pool.refresh()))
  await until(() => processMachines().size === 3, 'all to be listed')
  await Promise.all(made.filter((_, i) => i % 2 === 1).map((pool) => pool.end()))
  await until(() => processMachines().size === 0, 'nothing to be left')
  await made[0]?.refresh()
  await made[0]?.refresh()
  await until(() => processMachines().size === 0, 'nothing to be left')
})

test('a restored backup behind the same name is another machine', async () => {
  await using name = await startNameSwitch(world.url('ord'))
  const options = { region: 'ord', primary: world.url('nrt'), replicas: { ord: name.url } }
  const b = await pools.start({ ...options, ...SELDOM })
  // As long as it knew no primary it asked often.
  await b.refresh()
  name.leadTo(backup.url('ord'))
  const a = await pools.start({ ...options, ...OFTEN })
  const [here, there] = [b, a].map((pool) => stateOf(pool, 'ord'))
  expect(here?.systemIdentifier).toBe(there?.systemIdentifier)
  expect(here?.machine).not.toBe(there?.machine)
  await backup.promote('ord')
  await until(() => roleOf(a.status(), 'ord') === 'primary', 'its promotion')
  await a.refresh()
  await a.refresh()
  const [primary, replica] = b.status().servers
  expect([primary?.role, replica?.role, replica?.rttMs]).toEqual(['primary', 'replica', here?.rttMs])
})

test('a promotion that one pool has seen is followed by another one, of another copy of this library, too', async () => {
  vi.resetModules()
  const { createPool } = await import('../../src/index.ts')
  const b = createPool({ ...forGuests('ord'), ...SELDOM })
  try {
    b.on('error', () => undefined)
    await b.refresh()
    await start(OFTEN)
    const machine = stateOf(b, 'nrt').machine
    const told: unknown[] = []
    b.on('primary', ({ server, before }) => told.push({ server, before }))
    await world.promote('ord')
    await until(() => roleOf(b.status(), 'ord') === 'primary', 'the second pool to follow')
    expect(told).toEqual([{ server: 'ord', before: 'nrt' }])
    expect((await b.query('create table if not exists guests (n int)')).servedBy.server).toBe('ord')
    // The former primary was made anew at the same address.
    await b.refresh()
    expect(stateOf(b, 'nrt').machine).not.toBe(machine)
    expect(stateOf(b, 'nrt').machine?.split(' ').slice(1)).toEqual(machine?.split(' ').slice(1))
    await until(() => processMachines().size === 3, 'the former one to be forgotten')
    expect([...processMachines().keys()].join()).not.toContain(machine)
  } finally {
    await b.destroy()
  }
})
