import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { Counter } from '../leaks/counted.ts'
import { administer, ask, caughtUp, until, withUsers } from './fixtures.ts'
import { connectionsOf } from './connection-counts.ts'
import { TestPools } from './test-pools.ts'

const APP = 'quiet test'

let world: World
const pools = new TestPools()

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 4 })
  await withUsers(world)
})
afterAll(() => world.stop())
afterEach(() => pools.destroyAll())

const start = (options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> =>
  pools.start({ ...world.poolOptions('ord'), application_name: APP, quietAfterMs: 300, ...options })

const isQuiet = (pool: NearestPool): Promise<void> => until(() => pool.status().quiet, 'the pool to be quiet')

/** How many connections a server has been asked for since its start, this one included. */
async function sessionsOf(region: string): Promise<number> {
  const [row] = await ask<{ n: number }>(
    world.url(region),
    'select sessions::int as n from pg_stat_database where datname = current_database()',
  )
  return row?.n ?? -1
}

let serial = 0
const insert = (pool: Pick<NearestPool, 'query'>, name = `Sleeper ${++serial}`) =>
  pool.query('insert into users (name, age) values ($1, 1) returning name', [name])

test('a pool that nobody uses holds no connection and asks nothing; its status does not wake it', async () => {
  const pool = await start({ min: 2, idleTimeoutMillis: 0 })
  await Promise.all([insert(pool), insert(pool), pool.query('select 1')])
  await pool.transaction({ readOnly: true }, (tx) => tx.query('select 1'))
  await isQuiet(pool)
  const gone = async (region: string): Promise<boolean> => (await connectionsOf(world.url(region), APP)) === 0
  for (const region of world.regions) await until(() => gone(region), `no connection to ${region}`)
  const before = await Promise.all(world.regions.map(sessionsOf))
  for (let i = 0; i < 10; i++) {
    await sleep(100)
    expect(pool.status()).toMatchObject({ quiet: true, problems: [] })
    pool.bookmark()
  }
  // Each has been asked once more, by this test.
  expect(await Promise.all(world.regions.map(sessionsOf))).toEqual(before.map((sessions) => sessions + 1))
  expect(pool).toMatchObject({ totalCount: 0, idleCount: 0, waitingCount: 0 })
  expect(await pool.refresh()).toMatchObject({ quiet: false, servers: [{ role: 'primary' }, { role: 'replica' }] })
})

test('with one database, too', async () => {
  const pool = pools.create({ primary: world.url('nrt'), min: 1, idleTimeoutMillis: 0, quietAfterMs: 300 })
  await pool.query('select 1')
  expect(pool.totalCount).toBe(1)
  await until(() => pool.totalCount === 0, 'no connection')
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

test('what is in use keeps it awake: statements, a client that is held, and questions', async () => {
  const pool = await start()
  let quiet = 0
  pool.on('quiet', () => quiet++)
  const staysAwake = async (use: () => Promise<unknown>): Promise<void> => {
    const using = use()
    const before = quiet
    await using
    expect(quiet).toBe(before)
  }
  await staysAwake(async () => {
    const client = await pool.connect()
    await sleep(600)
    client.release()
  })
  await staysAwake(() => pool.query('select pg_sleep(0.6)'))
  await world.pauseReplay('ord')
  await insert(pool)
  await staysAwake(async () => {
    const replicated = pool.replicated()
    await sleep(600)
    await world.resumeReplay('ord')
    await replicated
  })
  await isQuiet(pool)
  const woken = once(pool, 'wake')
  void pool.refresh()
  await woken
})

/** That many connections at once may take their time. */
const PATIENT = { probeTimeoutMs: 20_000, silenceTimeoutMs: 20_000, connectTimeoutMs: 20_000 }

test('fifty pools that were used and dropped leave no connection and no timer, of whatever kind', async () => {
  using counter = new Counter()
  const asked = counter.run(() => {
    const made = Array.from({ length: 50 }, () =>
      pools.create({
        ...world.poolOptions('ord'),
        servers: () => world.poolOptions('ord'),
        ...PATIENT,
        quietAfterMs: 4_000,
        max: 2,
      }),
    )
    return made.map((pool) => pool.query('select 1'))
  })
  expect((await counter.held()).timers).toBeGreaterThan(50)
  await Promise.all(asked)
  const left = async (): Promise<boolean> => {
    const { timers, sockets } = await counter.held()
    return timers + sockets === 0
  }
  await until(left, 'nothing to be left', 14_000, 100)
})

test('its sessions see after the sleep what they have written and seen before', async () => {
  const pool = await start()
  const session = pool.session()
  await caughtUp(world)
  await world.pauseReplay('ord')
  try {
    const name = (await insert(session)).rows[0]?.name as string
    const [own, ours] = [session.bookmark(), pool.bookmark()]
    expect(own).toBeDefined()
    await isQuiet(pool)
    expect([session.bookmark(), pool.bookmark()]).toEqual([own, ours])
    for (const each of [pool, session]) {
      const { rows, servedBy } = await each.query('select 1 from users where name = $1', [name])
      expect({ rows, server: servedBy.server }).toEqual({ rows: [{ '?column?': 1 }], server: 'nrt' })
      await isQuiet(pool)
    }
  } finally {
    await world.resumeReplay('ord')
  }
})

const CALLS = 'pg_control_system(), pg_last_wal_replay_lsn(), pg_current_wal_insert_lsn()'

/** What an app's role may call is the superuser's to say. */
async function revoke(): Promise<void> {
  await administer(world, 'nrt', `revoke execute on function ${CALLS} from public`)
  await caughtUp(world)
}

async function grant(): Promise<void> {
  await administer(world, 'nrt', `grant execute on function ${CALLS} to public`)
  await caughtUp(world)
}

test('a right that is revoked while it sleeps costs a question, and no statement', async () => {
  const readings: ((pool: NearestPool) => Promise<{ rowCount: number | null }>)[] = [
    (pool) => pool.query('select 1 from users limit 1'),
    (pool) => pool.session(pool.bookmark()).query('select 1 from users limit 1'),
    (pool) => pool.transaction({ readOnly: true }, (tx) => tx.query('select 1 from users limit 1')),
    (pool) => pool.transaction((tx) => tx.query('select 1 from users limit 1')),
  ]
  for (const read of readings) {
    const pool = await start()
    await insert(pool)
    await caughtUp(world, pool)
    await isQuiet(pool)
    await revoke()
    try {
      expect((await read(pool)).rowCount).toBe(1)
    } finally {
      await grant()
    }
  }
})

test('where positions are refused, what was read before the sleep is still a history that nobody can read', async () => {
  await revoke()
  try {
    const pool = await start()
    const session = pool.session()
    expect((await session.query('select 1')).servedBy.server).toBe('ord')
    await isQuiet(pool)
    const bookmark = session.bookmark()
    expect(bookmark).toBeDefined()
    expect((await pool.session(bookmark).query('select 1')).servedBy.server).toBe('nrt')
    expect((await session.query('select 1')).servedBy.server).toBe('nrt')
  } finally {
    await grant()
  }
})

test('a promotion while it slept: writes reach the new primary, and nothing older is read', async () => {
  const pool = await start()
  const session = pool.session()
  const name = (await insert(session)).rows[0]?.name as string
  await caughtUp(world, pool)
  await isQuiet(pool)
  const told: unknown[] = []
  pool.on('primary', ({ server, before }) => told.push({ server, before }))
  await world.promote('ord')
  const after = await insert(pool)
  expect(after.servedBy.server).toBe('ord')
  const names = [name, after.rows[0]?.name as string]
  for (const each of [pool, session]) {
    expect((await each.query('select 1 from users where name = any($1)', [names])).rowCount).toBe(2)
  }
  expect(told).toEqual([{ server: 'ord', before: 'nrt' }])
  // Told once, and not each time that it wakes.
  await isQuiet(pool)
  await insert(pool)
  await pool.refresh()
  expect(told).toHaveLength(1)
})

test('so they do when the old primary is dead: that it was of this cluster is still known', async () => {
  const pool = await start()
  await insert(pool)
  await caughtUp(world, pool)
  await isQuiet(pool)
  await world.kill('ord')
  await world.promote('nrt')
  const name = (await insert(pool)).rows[0]?.name as string
  expect((await pool.query('select 1 from users where name = $1', [name])).servedBy.server).toBe('nrt')
})
