import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool, type NearestPool, type ServerStatus, type Topology } from '../../src/index.ts'
import { ask, caughtUp, healthOf, until, withUsers } from './fixtures.ts'

let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'syd'],
    rtt: { 'nrt-ord': 100, 'nrt-syd': 60, 'ord-syd': 150 },
  })
  await withUsers(world)
  pool = createPool({ ...world.poolOptions('ord'), probeIntervalMs: 100 })
  await pool.refresh()
})
afterAll(async () => {
  await pool.end()
  await world.stop()
})

function server(name: string): ServerStatus {
  const found = pool.status().servers.find((each) => each.name === name)
  if (found === undefined) throw new Error(`no ${name}`)
  return found
}

test('roles, versions, timelines and the cluster are asked for', async () => {
  expect(pool.status().servers.map(({ name, role, health }) => `${name} ${role} ${health}`)).toEqual([
    'nrt primary up',
    'ord replica up',
    'syd replica up',
  ])
  for (const name of ['nrt', 'ord', 'syd']) {
    expect(server(name)).toMatchObject({ timeline: 1, version: expect.stringMatching(/^\d+\.\d/) })
    expect(server(name).systemIdentifier).toBe(server('nrt').systemIdentifier)
  }
})

test('its question is left on its connection under a name, so that the server need not plan it each time', async () => {
  const asked = `select 1 from pg_stat_activity
    where application_name = 'pg-nearest monitor' and query like '%execute pg\\_nearest\\_probe%' and query not like '%prepare pg%'`
  for (const name of ['nrt', 'ord', 'syd'])
    await until(async () => (await ask(world.url(name), asked)).length > 0, `${name} is asked under a name`)
})

test('round trips are measured, and follow the link', async () => {
  await until(() => between(server('nrt').rttMs, 100, 140), 'nrt at 100 ms')
  expect(server('syd').rttMs).toBeGreaterThan(148)
  expect(server('ord').rttMs).toBeLessThan(50)
  world.setRtt('ord', 'nrt', 200)
  try {
    await until(() => (server('nrt').rttMs ?? 0) > 180, 'nrt at 200 ms')
  } finally {
    world.setRtt('ord', 'nrt', 100)
  }
})

function between(ms: number | undefined, least: number, most: number): boolean {
  return ms !== undefined && ms >= least && ms <= most
}

test('lag in bytes and in time: a paused replica falls behind, an idle primary is not lag', async () => {
  await caughtUp(world)
  await sleep(1_500)
  await pool.refresh()
  expect(server('ord').lagBytes).toBe(0)
  expect(server('ord').stalenessMs).toBeLessThan(1_000)
  await world.pauseReplay('ord')
  try {
    await ask(world.url('nrt'), "insert into users (name) select 'n' || n from generate_series(1, 1000) as n")
    await sleep(1_000)
    await until(() => (server('ord').lagBytes ?? 0) > 10_000, 'bytes of lag')
    await until(() => (server('ord').stalenessMs ?? 0) > 800, 'time of lag')
    expect(server('syd').stalenessMs).toBeLessThan(1_000)
  } finally {
    await world.resumeReplay('ord')
  }
  await until(() => server('ord').lagBytes === 0, 'ord to catch up')
})

test('a server that goes and comes is told as topology events', async () => {
  const gone = once(pool, 'topology') as Promise<[Topology]>
  await world.kill('syd')
  const [topology] = await gone
  expect(topology.servers.find(({ name }) => name === 'syd')).toMatchObject({
    health: 'down',
    problem: expect.stringContaining('syd'),
  })
  await world.start('syd')
  await until(() => healthOf(pool.status(), 'syd') === 'up', 'syd to be up')
})

test('a slow server does not hold up the others', async () => {
  world.partition('ord', 'syd')
  try {
    await until(() => healthOf(pool.status(), 'syd') === 'down', 'syd to be given up')
    const before = server('ord').lastSeenAt ?? 0
    await until(() => (server('ord').lastSeenAt ?? 0) > before + 200, 'ord to be asked on')
    expect(server('syd').problem).toBeDefined()
  } finally {
    world.heal('ord', 'syd')
  }
  await until(() => healthOf(pool.status(), 'syd') === 'up', 'syd to be up')
})

test('a process that only forgot its pool may end', async () => {
  const { execFile } = await import('node:child_process')
  const { promisify } = await import('node:util')
  const script = `
    import { createPool } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
    const pool = createPool({ ...${JSON.stringify(world.poolOptions('ord'))}, idleTimeoutMillis: 100, allowExitOnIdle: true })
    await pool.refresh()
    console.log((await pool.query('select 1 as one')).servedBy.server)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 20_000,
  })
  expect(stdout.trim()).toBe('ord')
})
