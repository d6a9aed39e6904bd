import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NearestPool, ProblemEvent, ServerStatus } from '../../src/index.ts'
import { administer, ask, caughtUp, nextProblem, until, withUsers } from './fixtures.ts'
import { startNameSwitch } from './name-switch.ts'
import { settled } from './settling.ts'
import { TestPools } from './test-pools.ts'
import { runDoctor } from './run-doctor.ts'

const STALLED_AFTER_MS = 1_000

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 4 })
  await withUsers(world)
})
afterAll(() => world.stop())
afterEach(() => pools.destroyAll())

const start = (region: string): Promise<NearestPool> =>
  pools.start({ ...world.poolOptions(region), probeIntervalMs: 100, stalledAfterMs: STALLED_AFTER_MS })

function ord(pool: NearestPool): ServerStatus {
  const found = pool.status().servers.find(({ name }) => name === 'ord')
  if (found === undefined) throw new Error('no ord')
  return found
}

const write = (): Promise<unknown> => ask(world.url('nrt'), 'update hits set n = n + 1')

/** Its exit code, and what it prints. */
async function doctor(): Promise<[code: number, out: string]> {
  const servers = world.regions.map((region) => `${region}=${world.url(region)}`)
  const [primary = '', ...replicas] = servers
  const argv = ['--primary', primary, ...replicas.flatMap((replica) => ['--replica', replica])]
  return runDoctor(argv)
}

/** How a standby follows is its administrator's business. */
async function configure(setting: string, value: string): Promise<void> {
  await administer(world, 'ord', `alter system set ${setting} = '${value.replaceAll("'", "''")}'`)
  await administer(world, 'ord', 'select pg_reload_conf()')
}

async function settingOf(setting: string): Promise<string> {
  const [row] = await administer<{ value: string }>(world, 'ord', `select current_setting('${setting}') as value`)
  return row?.value ?? ''
}

test.each([
  ['a walreceiver that was stopped', 'primary_conninfo', ''],
  ['a slot that is lost', 'primary_slot_name', 'gone'],
])(
  '%s: told, seen in the status and by doctor, avoided, and forgotten when it follows again',
  async (_, name, value) => {
    await caughtUp(world)
    const pool = await start('ord')
    const problems: ProblemEvent[] = []
    pool.on('problem', (problem) => problems.push(problem))
    const before = await settingOf(name)
    await configure(name, value)
    try {
      await until(() => ord(pool).receiving === false, 'no walreceiver')
      await write()
      const problem = await settled(nextProblem(pool, 'ord'), 'the problem')
      expect(problem.message).toMatch(/^ord receives nothing from its primary any more \(nothing behind 0\/\w+\)/)
      expect(ord(pool).stalledMs).toBeGreaterThanOrEqual(STALLED_AFTER_MS)
      expect(ord(pool).problem).toBe(problem.message)
      for (const read of [pool.query('select 1'), pool.replica('ord').query('select 1')]) {
        expect((await read).servedBy.server).not.toBe('ord')
      }
      await write()
      await sleep(500)
      expect(problems, 'told once').toHaveLength(1)
      expect(await doctor()).toEqual([1, expect.stringMatching(/✗ +ord +receives nothing from its primary any more/)])
    } finally {
      await configure(name, before)
    }
    await until(() => ord(pool).stalledMs === 0, 'ord to receive again')
    expect(ord(pool)).toMatchObject({ problem: undefined, receiving: true })
    expect((await pool.query('select 1')).servedBy.server).toBe('ord')
  },
)

test('one of two machines behind a name: told and shown for this one, and reads prefer the other', async () => {
  await caughtUp(world)
  await using name = await startNameSwitch(world.url('ord'), world.url('syd'))
  const pool = await pools.start({
    ...world.poolOptions('ord'),
    replicas: { ord: name.url },
    probeIntervalMs: 100,
    stalledAfterMs: STALLED_AFTER_MS,
  })
  const reader = pool.replica('ord')
  const portOf = async (asked: Promise<{ rows: { port: number }[] }>): Promise<number | undefined> =>
    (await asked).rows[0]?.port
  const PORT = 'select inet_server_port() as port, pg_sleep(0.05)'
  const [{ port: stopped } = { port: 0 }] = await ask<{ port: number }>(world.url('ord'), PORT)
  await Promise.all([1, 2, 3, 4].map(() => reader.query(PORT)))
  await until(() => ord(pool).members.length === 2, 'two members')
  const stalled = () => ord(pool).members.filter(({ stalledMs = 0 }) => stalledMs >= STALLED_AFTER_MS)
  const before = await settingOf('primary_conninfo')
  await configure('primary_conninfo', '')
  try {
    await write()
    await until(() => stalled().length === 1, 'one that is stalled')
    expect(stalled()[0]?.machine).toMatch(new RegExp(` ${stopped}$`))
    expect(ord(pool).problem).toMatch(
      new RegExp(`^ord leads to 2 servers in turn, of which \\S+:${stopped} .*receives nothing from the primary`),
    )
    // One after the other, so that none is on a new connection, which has not told its machine.
    for (let i = 0; i < 6; i++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      expect(await portOf(reader.query<{ port: number }>(PORT))).not.toBe(stopped)
    }
    expect(ord(pool).readFrom).toBe(true)
  } finally {
    await configure('primary_conninfo', before)
  }
  await until(() => ord(pool).members.every(({ stalledMs }) => stalledMs === 0), 'both to receive')
  expect(ord(pool).problem).toMatch(/^ord leads to 2 servers in turn: /)
})

test('a link that is dead, though the walreceiver runs', async () => {
  const pool = await start('syd')
  world.partition('nrt', 'ord')
  try {
    await write()
    await settled(nextProblem(pool, 'ord'), 'the problem')
    expect(ord(pool)).toMatchObject({ health: 'up', readFrom: false })
  } finally {
    world.heal('nrt', 'ord')
  }
  await until(() => ord(pool).stalledMs === 0, 'ord to receive again', 30_000)
})

test('one whose replay is paused is behind, and not stalled', async () => {
  await caughtUp(world)
  const pool = await start('ord')
  await world.pauseReplay('ord')
  try {
    const end = performance.now() + STALLED_AFTER_MS + 500
    while (performance.now() < end) await write()
    await pool.refresh()
    expect(ord(pool).lagBytes).toBeGreaterThan(0)
    expect(ord(pool)).toMatchObject({ problem: undefined, receiving: true })
    expect((await pool.query('select 1')).servedBy.server).toBe('ord')
  } finally {
    await world.resumeReplay('ord')
  }
})

test('nor is one whose primary is idle behind a whole segment', async () => {
  const pool = await start('ord')
  // Only a superuser may do either.
  await administer(world, 'nrt', 'select pg_switch_wal()')
  await administer(world, 'nrt', 'checkpoint')
  await sleep(STALLED_AFTER_MS + 500)
  expect(ord(pool)).toMatchObject({ stalledMs: 0, problem: undefined })
})
