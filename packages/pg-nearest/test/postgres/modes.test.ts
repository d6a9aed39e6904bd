import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  createPool,
  isReadOnlyModeError,
  type Mode,
  type ModeEvent,
  type NearestPool,
  type ObservedEvent,
  type QueryEvent,
  type WriterEvent,
} from '../../src/index.ts'
import { ask, caughtUp, healthOf, measuredNear, scansOf, until, withUsers } from './fixtures.ts'
import { doors } from './http-doors.ts'
import { repeatedly } from './repeatedly.ts'

let world: World
let pool: NearestPool
const others: NearestPool[] = []
const FLIPS: readonly Mode[] = ['primary-only', 'normal', 'read-only', 'normal', 'observe', 'normal']

const poolOf = (options: object = {}, on: World = world): NearestPool => {
  const made = createPool({ ...on.poolOptions('ord'), ...options })
  others.push(made)
  return made
}

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 20 })
  await withUsers(world)
  const tables = FLIPS.map((_, i) => `create table flip_${i} (n int)`)
  await ask(world.url('nrt'), ['create table flip_start (n int)', ...tables].join(';'))
  await caughtUp(world)
})
afterAll(() => world.stop())
beforeEach(async () => {
  pool = poolOf()
  await pool.refresh()
})
afterEach(async () => {
  await Promise.all(others.splice(0).flatMap((each) => (each.ending ? [] : [each.end()])))
})

const INSERT = 'insert into hits values (1)'

describe('the mode of a pool', () => {
  test('is normal, and then what it is set to, with an event, in the status and on each statement', async () => {
    const events: ModeEvent[] = []
    const queries: QueryEvent[] = []
    pool.on('mode', (event) => void events.push(event))
    pool.on('query', (event) => void queries.push(event))
    expect([pool.mode, pool.status().mode, pool.status().modes]).toEqual(['normal', 'normal', {}])
    pool.mode = 'primary-only'
    pool.mode = 'primary-only'
    const { servedBy } = await pool.query('select name from users')
    expect(servedBy).toMatchObject({ server: 'nrt', reason: 'mode' })
    expect(events).toEqual([{ mode: 'primary-only', before: 'normal' }])
    expect(queries.map(({ mode }) => mode)).toEqual(['primary-only'])
    expect(pool.status().mode).toBe('primary-only')
    expect(() => (pool.mode = 'off' as Mode)).toThrow('mode must be one of normal, read-only, primary-only, observe')
    expect(() => poolOf({ mode: 'off' })).toThrow('mode must be one of')
    expect(pool.mode).toBe('primary-only')
  })

  test('is that of a route, or of a share of the sessions, and back in one step', async () => {
    pool.mode = 'primary-only'
    pool.modes = { normal: { routes: ['GET /reports/*'] }, observe: 1 }
    const served = (route?: string): Promise<string> =>
      pool
        .session({ route })
        .query('select name from users')
        .then(({ servedBy }) => servedBy.server)
    expect([await served('GET /reports/:id'), await served('GET /'), await served()]).toEqual(['ord', 'nrt', 'nrt'])
    expect(pool.status().modes).toEqual({ normal: { share: 1, routes: ['GET /reports/*'] }, observe: 1 })
    expect(pool.status().observed).toMatchObject({ statements: 2, onReplicas: 2 })
    pool.mode = 'primary-only'
    expect(await served('GET /reports/:id')).toBe('nrt')
    expect(pool.modes).toEqual({})
  })

  test('lets a transaction end in the mode in which it began', async () => {
    await pool.transaction(async (tx) => {
      await tx.query(INSERT)
      pool.mode = 'read-only'
      await tx.query(INSERT)
    })
    const client = await pool.connect()
    await client.query('begin')
    pool.mode = 'normal'
    await expect(client.query(INSERT)).rejects.toSatisfy(isReadOnlyModeError)
    await client.query('rollback')
    await client.query(INSERT)
    client.release()
  })
})

describe('read-only', () => {
  test('refuses whatever writes, and nothing else', async () => {
    pool.mode = 'read-only'
    const [before] = await ask(world.url('nrt'), 'select count(*)::int as n from hits')
    const writes = [
      INSERT,
      'with added as (insert into hits values (1) returning n) select * from added',
      'select hit()',
      'select * from users for update',
      'create temporary table t (n int)',
    ]
    for (const text of writes) {
      await expect(pool.query(text)).rejects.toSatisfy(isReadOnlyModeError)
      await expect(pool.primary.query(text)).rejects.toSatisfy(isReadOnlyModeError)
      const client = await pool.connect()
      await expect(client.query(text)).rejects.toSatisfy(isReadOnlyModeError)
      client.release()
    }
    await expect(pool.transaction((tx) => tx.query(INSERT))).rejects.toSatisfy(isReadOnlyModeError)
    // A region's own handle says what its server does.
    await expect(pool.replica().query(INSERT)).rejects.toMatchObject({
      code: 'NEAREST_READ_ONLY_HANDLE',
      cause: { code: '25006' },
    })
    const read = 'select count(*)::int as n from hits'
    const { rows, servedBy } = await pool.query<{ n: number }>(read)
    expect([rows[0]?.n, servedBy.server]).toEqual([before?.['n'], 'ord'])
    expect((await pool.transaction((tx) => tx.query(read))).servedBy.server).toBe('nrt')
    expect((await pool.transaction({ readOnly: true }, (tx) => tx.query(read))).servedBy.server).toBe('ord')
    const client = await pool.connect()
    for (const text of ['listen news', "set application_name to 'reports'", 'select pg_advisory_lock(1)', read]) {
      const { servedBy: pinnedTo } = await client.query(text)
      expect([text, pinnedTo.server]).toEqual([text, 'nrt'])
    }
    client.release()
  })

  test('still asks the primary what a replica cannot answer', async () => {
    await ask(world.url('nrt'), 'create unlogged table drafts (n int)')
    await caughtUp(world, pool)
    pool.mode = 'read-only'
    const { servedBy } = await pool.query('select * from drafts')
    expect(servedBy).toMatchObject({ server: 'nrt', reason: 'retry' })
  })
})

test('flipped under load, nothing fails that need not, and who should see nothing sees none after 100 ms', async () => {
  const loaded = poolOf({ consistency: 'eventual' })
  await loaded.refresh()
  const failures: { readonly mode: Mode; readonly error: unknown; readonly kind: string }[] = []
  let table = 'flip_start'
  /** What has succeeded, by the table that it was given. */
  const succeeded = new Map<string, Set<string>>()
  const run = async (kind: string, work: (on: string) => Promise<unknown>): Promise<void> => {
    const { mode } = loaded
    const on = table
    try {
      await work(on)
      succeeded.set(on, (succeeded.get(on) ?? new Set()).add(kind))
    } catch (error) {
      failures.push({ mode, error, kind })
    }
  }
  const works = [
    () => run('read', (on) => loaded.query(`select * from ${on}`)),
    () => run('write', (on) => loaded.query(`insert into ${on} values (1)`)),
    () =>
      run('client', async (on) => {
        const client = await loaded.connect()
        await client.query(`select * from ${on}`).finally(() => client.release())
      }),
    () =>
      run('batch', async (on) => {
        const outcomes = await loaded.batch([`select * from ${on}`, `select count(*) from ${on}`])
        for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
      }),
    () => run('transaction', (on) => loaded.transaction({ readOnly: true }, (tx) => tx.query(`select * from ${on}`))),
  ]
  await using load = repeatedly(2, () => Promise.all(works.map((work) => work())), 1)
  for (const [i, mode] of FLIPS.entries()) {
    table = 'flip_start'
    await sleep(50)
    loaded.mode = mode
    await sleep(100)
    const on = `flip_${i}`
    table = on
    const kinds = mode === 'read-only' ? 4 : 5
    await until(() => succeeded.get(on)?.size === kinds, `all kinds in ${mode}`)
  }
  await load.stop()
  await loaded.end()
  await caughtUp(world)
  const refused = failures.filter(({ kind, error }) => kind === 'write' && isReadOnlyModeError(error))
  expect(failures.filter((failure) => !refused.includes(failure))).toEqual([])
  expect(refused.length).toBeGreaterThan(0)
  const seen = await Promise.all(
    FLIPS.map(async (mode, i) => {
      const scans = await Promise.all(['nrt', 'ord'].map((name) => scansOf(world.url(name), `flip_${i}`)))
      const [written] = await ask(world.url('nrt'), `select count(*)::int as n from flip_${i}`)
      const [onPrimary, onReplica] = scans.map((count) => count > 0)
      return { mode, onPrimary, onReplica, written: Number(written?.['n']) > 0 }
    }),
  )
  const away = { onPrimary: true, onReplica: false, written: true }
  const near = { onPrimary: false, onReplica: true, written: true }
  expect(seen).toEqual([
    { mode: 'primary-only', ...away },
    { mode: 'normal', ...near },
    { mode: 'read-only', ...near, written: false },
    { mode: 'normal', ...near },
    { mode: 'observe', ...away },
    { mode: 'normal', ...near },
  ])
})

/** The same small load each time: sessions that read, and some that have just written. */
async function mixedLoad(on: NearestPool): Promise<{ readonly statements: number; readonly onReplicas: number }> {
  let statements = 0
  let onReplicas = 0
  const listen = ({ servedBy }: QueryEvent): void => {
    statements++
    if (servedBy?.role === 'replica') onReplicas++
  }
  on.on('query', listen)
  const users = Array.from({ length: 10 }, async (_, user) => {
    for (let i = 0; i < 2; i++) {
      await on.session(undefined, async () => {
        if (user % 4 === 0) await on.query(INSERT)
        await on.query('select count(*) from hits')
        await on.query('select name from users')
        await on.transaction({ readOnly: true }, (tx) => tx.query('select 1'))
        const client = await on.connect()
        await client.query('select 2')
        client.release()
      })
    }
  })
  await Promise.all(users)
  on.off('query', listen)
  return { statements, onReplicas }
}

describe('observe', () => {
  const RTT_MS = 200
  /** A replica counts as near up to a twentieth of the way to the primary: here more than what a busy machine adds to a trip. */
  const NEAR_MS = RTT_MS / 20

  let far: World
  beforeAll(async () => {
    far = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: RTT_MS })
    await withUsers(far)
  })
  afterAll(() => far?.stop())

  test('runs everything on the primary, and tells what normal then does', async () => {
    pool = poolOf({}, far)
    await measuredNear(pool, 'ord', NEAR_MS)
    const events: ObservedEvent[] = []
    pool.on('observed', (event) => void events.push(event))
    pool.mode = 'observe'
    const observed = await mixedLoad(pool)
    expect(observed.onReplicas).toBe(0)
    await until(() => pool.status().observed?.statements === observed.statements, 'every proof')
    const { observed: forecast } = pool.status()
    expect(events).toHaveLength(observed.statements)
    pool.mode = 'normal'
    const real = await mixedLoad(pool)
    expect(real.statements).toBe(observed.statements)
    expect(Math.abs((forecast?.onReplicas ?? 0) - real.onReplicas)).toBeLessThanOrEqual(real.statements / 10)
    expect(real.onReplicas).toBeGreaterThan(real.statements / 2)
    // A read next door saves about the way to the primary, which is 200 ms.
    const saved = (forecast?.savedMs ?? 0) / (forecast?.onReplicas ?? 1)
    expect(saved).toBeGreaterThan(RTT_MS / 2)
    expect(saved).toBeLessThan(RTT_MS * 1.5)
    expect(pool.status().observed?.statements).toBe(observed.statements)
    expect(JSON.parse(JSON.stringify(pool.status()))).toHaveProperty('observed.routes')
  })

  test('is held up by no replica that says nothing any more, and by no listener that throws', async () => {
    const replicas = { ord: world.url('ord', { from: 'nrt' }) }
    const primary = { region: 'nrt', url: world.url('nrt') }
    const observing = poolOf({ mode: 'observe', primary, replicas })
    await observing.refresh()
    observing.on('observed', () => {
      throw new Error('a listener of observed has a bug')
    })
    const warnings: string[] = []
    const onWarning = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', onWarning)
    world.partition('nrt', 'ord')
    try {
      const session = observing.session()
      await session.query(INSERT)
      for (let i = 0; i < 5; i++) expect((await session.query('select 1')).servedBy.server).toBe('nrt')
      const outcomes = await session.batch(['select 1', INSERT, 'select 2'])
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
      await until(() => observing.status().observed?.statements === 9, 'all of them', 10_000)
      const begun = performance.now()
      await session.query('select 3')
      await observing.end()
      expect(performance.now() - begun).toBeLessThan(5_000)
      expect(warnings.some((text) => text.includes('of observed has a bug'))).toBe(true)
    } finally {
      process.off('warning', onWarning)
      world.heal('nrt', 'ord')
      await caughtUp(world)
    }
  })

  test('says of a replica that is behind that its proof would have failed', async () => {
    // A probe between the write and the read would tell that the replica is behind: then none is asked for a proof.
    pool = poolOf({ mode: 'observe', probeIntervalMs: 60_000 }, far)
    // Nor is one that has not been seen to be near.
    await measuredNear(pool, 'ord', NEAR_MS)
    await far.pauseReplay('ord')
    try {
      const session = pool.session()
      await session.query(INSERT)
      await session.query('select count(*) from hits')
      await until(() => pool.status().observed?.statements === 2, 'the proof')
      expect(pool.status().observed).toMatchObject({ onReplicas: 0, proofs: { held: 0, failed: 1 } })
      expect(pool.status().observed?.savedMs).toBeLessThan(0)
      expect(pool.status().observed?.routes).toContainEqual(
        expect.objectContaining({ server: 'nrt', reason: 'lagging', statements: 1 }),
      )
    } finally {
      await far.resumeReplay('ord')
    }
  })
})

describe('a request that fails because nothing can be written', () => {
  const post = (url: string): Promise<Response> =>
    fetch(`${url}/users`, {
      method: 'POST',
      body: JSON.stringify({ name: 'Barbara' }),
      headers: { 'content-type': 'application/json' },
    })

  test.each(doors)('is answered with 503 and Retry-After by the door %s', async (_, open) => {
    const app = await open(pool, { retryAfterSeconds: 7 })
    try {
      pool.mode = 'read-only'
      const refused = await post(app.url)
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '7'])
      const read = await fetch(`${app.url}/users/Ada`)
      expect([read.status, read.headers.get('retry-after')]).toEqual([200, null])
      pool.mode = 'normal'
      const failed = await fetch(`${app.url}/fail/${randomName()}`, { method: 'POST' })
      expect([failed.status, failed.headers.get('retry-after')]).toEqual([500, null])
      // The door names the route of each request.
      pool.modes = { 'primary-only': { routes: ['GET /users/*'] } }
      expect(await (await fetch(`${app.url}/users/Ada`)).json()).toMatchObject({ server: 'nrt' })
      pool.mode = 'normal'
    } finally {
      await app.close()
    }
  })

  test('likewise while there is no primary, which is told once, and again when there is one', async () => {
    const writers: WriterEvent[] = []
    const short = poolOf({ failoverTimeoutMs: 100 })
    await short.refresh()
    short.on('writer', (event) => void writers.push(event))
    const [[, open]] = doors as [(typeof doors)[number]]
    const app = await open(short)
    await world.kill('nrt')
    try {
      await until(() => writers.length > 0, 'the event')
      expect(writers).toEqual([{ available: false, server: undefined, region: undefined }])
      const refused = await post(app.url)
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
      expect((await fetch(`${app.url}/users/Ada`)).status).toBe(200)
    } finally {
      await app.close()
      await world.start('nrt')
    }
    await until(() => healthOf(short.status(), 'nrt') === 'up', 'the primary')
    expect(writers.at(-1)).toEqual({ available: true, server: 'nrt', region: 'nrt' })
  })
})

let names = 0
const randomName = (): string => `flipped-${names++}`
