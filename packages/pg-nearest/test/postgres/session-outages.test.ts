import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { describe, expect, test } from 'vitest'
import { createPool, isNoServerError, type NearestPool } from '../../src/index.ts'
import { administer, ask, caughtUp, until } from './fixtures.ts'

/** Long beside what a busy machine adds to one trip. */
const LINK_MS = 100

const CREATE = 'create table registers (id text primary key, n int not null)'
const set = (n: number): { text: string; values: number[] } => ({
  text: "insert into registers values ('x', $1) on conflict (id) do update set n = excluded.n",
  values: [n],
})
const get = "select n from registers where id = 'x'"

describe('with the primary gone', () => {
  test('a session is answered by whoever shows what it has seen; else it is told, and not misled', async () => {
    await using world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 10 })
    await ask(world.url('nrt'), CREATE)
    await caughtUp(world)
    await using pool = createPool(world.poolOptions('ord'))
    await pool.refresh()
    await world.pauseReplay('ord')
    await world.pauseReplay('syd')
    const session = pool.session()
    await session.query(set(1))
    const process = await pool.query(set(2))
    expect(process.servedBy.server).toBe('nrt')
    await world.kill('nrt')
    const refused = await session.query(get).catch((error: unknown) => error)
    expect(refused).toMatchObject({
      message: expect.stringMatching(/ord does not show yet what this session has written/),
    })
    expect(refused).toSatisfy(isNoServerError)
    // An app answers with it, or logs it.
    expect(JSON.parse(JSON.stringify(refused))).toMatchObject({ code: 'NEAREST_NO_SERVER' })
    // Nobody asked for a session: better an older answer than none, and it says so.
    expect((await pool.query(get)).servedBy).toMatchObject({
      server: 'ord',
      reason: expect.stringMatching(/unproven|retry/),
    })
    const read = await pool.transaction({ readOnly: true }, (tx) => tx.query(get))
    expect(read.servedBy).toMatchObject({ server: 'ord', reason: 'unproven' })
    await world.resumeReplay('syd')
    await until(async () => {
      const answer = await session.query(get).catch(() => undefined)
      return answer?.servedBy.server === 'syd'
    }, 'syd to answer for the session')
  })
})

describe('a failover that loses a write', () => {
  test('the session goes on from the new primary, is told once, and pays once', async () => {
    await using world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: LINK_MS })
    await ask(world.url('nrt'), CREATE)
    await ask(world.url('nrt'), "insert into registers values ('x', 0)")
    await tellTimelines(world)
    await using pool = createPool({ ...world.poolOptions('nrt'), probeIntervalMs: 100 })
    const lost: unknown[] = []
    pool.on('position-lost', (event) => lost.push(event))
    await pool.refresh()
    const session = pool.session()
    // Neither replica ever gets it.
    for (const region of ['ord', 'syd']) world.partition(region, 'nrt')
    for (let i = 0; i < 20; i++) await session.query(set(1 + i))
    const bookmark = session.bookmark()
    await world.kill('nrt')
    await world.promote('ord')
    for (const region of ['ord', 'syd']) world.heal(region, 'nrt')
    await until(() => rolesOf(pool).ord === 'primary', 'ord to be known as the primary')
    // A connection to it, so that no handshake is counted.
    await pool.primary.query('select 1')
    expect(lost.splice(0).length, 'of the process, in which it was written, too').toBeLessThanOrEqual(1)
    // Beside it, at the same time: what the machine takes is not the session's.
    const bare = new pg.Client({ connectionString: world.url('ord', { from: 'nrt' }) })
    await bare.connect()
    const start = performance.now()
    const [[read, tookMs], tripMs] = await Promise.all([
      session.query<{ n: number }>(get).then((result) => [result, performance.now() - start] as const),
      bare.query('select 1').then(() => performance.now() - start),
    ])
    await bare.end()
    expect(tookMs).toBeLessThan(LINK_MS + tripMs)
    expect(read.servedBy.server).toBe('ord')
    expect(read.rows).toEqual([{ n: 0 }])
    expect(lost).toHaveLength(1)
    expect(lost).toMatchObject([{ server: 'ord', lost: { timeline: 1 }, now: { timeline: 2 } }])
    await session.query(get)
    // It and the primary are equally far, so that now one and now the other is measured as the nearer.
    await until(async () => (await session.query(get)).servedBy.server === 'syd', 'syd to follow')
    expect(lost).toHaveLength(1)
    // Whoever still holds the old bookmark: once for each session that begins with it, and no stale answer.
    const later = pool.session(bookmark)
    expect((await later.query<{ n: number }>(get)).rows).toEqual([{ n: 0 }])
  })

  test.each([
    ['another session', 'over probes', (pool: NearestPool) => pool.session()],
    ['another session', 'between two probes', (pool: NearestPool) => pool.session()],
    ['another pool', 'over probes', (_: NearestPool, other: NearestPool) => other],
  ])(
    'the process is told, too, when %s has been the first to write on the new primary: of writes %s',
    async (_, when, writerOf) => {
      const isBetween = when === 'between two probes'
      const options = { probeIntervalMs: isBetween ? 2_000 : 100 }
      await using world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
      await ask(world.url('nrt'), CREATE)
      await tellTimelines(world)
      await using pool = createPool({ ...world.poolOptions('nrt'), ...options })
      await using other = createPool({ ...world.poolOptions('nrt'), ...options })
      const lost: unknown[] = []
      pool.on('position-lost', (event) => lost.push(event))
      await Promise.all([pool.refresh(), other.refresh()])
      world.partition('ord', 'nrt')
      for (let i = 0; i < (isBetween ? 1 : 20); i++) await pool.query(set(1 + i))
      await world.kill('nrt')
      await world.promote('ord')
      world.heal('ord', 'nrt')
      await until(
        () => [pool, other].every((each) => rolesOf(each).ord === 'primary'),
        'ord to be known as the primary',
      )
      await writerOf(pool, other).query(set(50))
      expect(lost).toEqual([])
      expect((await pool.query(get)).rows).toEqual([{ n: 50 }])
      expect(lost).toMatchObject([{ server: 'ord', lost: { timeline: 1 }, now: { timeline: 2 } }])
      await pool.query(get)
      expect(lost).toHaveLength(1)
    },
  )

  test('a session that has seen its write near by since is told, too', async () => {
    await using world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 10 })
    await ask(world.url('nrt'), CREATE)
    await ask(world.url('nrt'), "insert into registers values ('x', 0)")
    await tellTimelines(world)
    await using pool = createPool({ ...world.poolOptions('syd'), probeIntervalMs: 100 })
    await pool.refresh()
    await until(() => rolesOf(pool).ord === 'replica', 'ord to be known as a replica')
    const session = pool.session()
    const lost: unknown[] = []
    pool.on('position-lost', (event) => lost.push(event))
    world.partition('ord', 'nrt')
    for (let i = 0; i < 20; i++) await session.query(set(1 + i))
    await until(async () => (await session.query(get)).servedBy.server === 'syd', 'syd to follow')
    expect((await session.query(get)).rows).toEqual([{ n: 20 }])
    await world.kill('nrt')
    await world.kill('syd')
    await world.promote('ord')
    // Further than what is lost.
    await ask(world.url('ord'), 'create table others as select generate_series(1, 10000) as n')
    await until(() => rolesOf(pool).ord === 'primary', 'ord to be known as the primary')
    expect((await session.query(get)).rows).toEqual([{ n: 0 }])
    expect(lost).toMatchObject([{ server: 'ord', lost: { timeline: 1 }, now: { timeline: 2 } }])
    await session.query(get)
    expect(lost).toHaveLength(1)
  })

  test('what a pool then writes, another one sees that has not watched the promotion', async () => {
    await using world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 10 })
    await ask(world.url('nrt'), CREATE)
    await tellTimelines(world)
    await using pool = createPool({ ...world.poolOptions('nrt'), probeIntervalMs: 100 })
    const lost: unknown[] = []
    pool.on('position-lost', (event) => lost.push(event))
    await pool.refresh()
    for (const region of ['ord', 'syd']) world.partition(region, 'nrt')
    for (let i = 0; i < 20; i++) await pool.query(set(1 + i))
    await world.kill('nrt')
    await world.promote('ord')
    for (const region of ['ord', 'syd']) world.heal(region, 'nrt')
    await until(() => rolesOf(pool).ord === 'primary', 'ord to be known as the primary')
    // Further than what is lost, and all of it in syd.
    await ask(world.url('ord'), 'create table others as select generate_series(1, 10000) as n')
    const isThere = "select to_regclass('others') is not null as there"
    await until(async () => (await ask(world.url('syd'), isThere))[0]?.['there'] === true, 'syd to follow')
    await world.pauseReplay('syd')
    await using other = createPool({ ...world.poolOptions('nrt'), region: 'syd', probeIntervalMs: 100 })
    await other.refresh()
    await pool.query(set(200))
    expect(lost).toHaveLength(1)
    expect((await other.query(get)).rows).toEqual([{ n: 200 }])
    await world.resumeReplay('syd')
  })
})

test.each([
  ['a pool writes', (pool: NearestPool, n: number) => pool.query(set(n))],
  ['a session writes', (pool: NearestPool, n: number) => pool.session(undefined, () => pool.query(set(n)))],
])(
  'what %s behind a promotion is not taken for shown by the old primary, where another pool knows no other',
  async (_, write) => {
    await using world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 10 })
    await ask(world.url('nrt'), CREATE)
    await tellTimelines(world)
    const options = { ...world.poolOptions('ord'), probeIntervalMs: 100 }
    const { ord: _ord, ...others } = options.replicas
    await using writer = createPool(options)
    await using reader = createPool({ ...options, region: 'syd', replicas: others })
    await Promise.all([writer.refresh(), reader.refresh()])
    await writer.query(set(1))
    expect((await reader.query(get)).rows).toEqual([{ n: 1 }])
    await caughtUp(world, writer, reader)
    await administer(world, 'ord', 'select pg_promote()')
    await until(() => timelineOf(writer, 'ord') === 2, 'ord to be known as the primary')
    const shown: string[] = []
    for (let i = 0; i < 10; i++) {
      const { servedBy } = await write(writer, 100 + i)
      expect(servedBy.server).toBe('ord')
      const read = await reader.query<{ n: number }>(get)
      shown.push(read.rows[0]?.n === 100 + i ? 'shown' : read.servedBy.reason)
      // What the old primary answers to a write of its own says nothing of the other's.
      if (i === 5) await reader.query("insert into registers values ('y', 0)")
    }
    expect(shown).toEqual(shown.map(() => 'unproven'))
    const inTransaction = await reader.transaction({ readOnly: true }, (tx) => tx.query(get))
    expect(inTransaction.servedBy.reason).toBe('unproven')
    const client = await reader.connect()
    await client.query('begin read only')
    expect((await client.query(get)).servedBy.reason).toBe('unproven')
    await client.query('commit')
    client.release()
  },
)

test('a failover that is undone: whoever has written on its timeline is told of the loss, and goes on', async () => {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 10 })
  await ask(world.url('nrt'), CREATE)
  await ask(world.url('nrt'), "insert into registers values ('x', 0)")
  await tellTimelines(world)
  const options = { ...world.poolOptions('ord'), probeIntervalMs: 100 }
  const { ord: _ord, ...others } = options.replicas
  await using pool = createPool(options)
  await using other = createPool(options)
  await Promise.all([pool.refresh(), other.refresh()])
  const lost: unknown[] = []
  pool.on('position-lost', (event) => lost.push(event))
  await administer(world, 'ord', 'select pg_promote()')
  await until(() => [pool, other].every((each) => timelineOf(each, 'ord') === 2), 'ord to be known as the primary')
  const session = pool.session()
  await session.query(set(2))
  expect((await pool.query(set(1))).servedBy.server).toBe('ord')
  const bookmark = session.bookmark()
  await world.kill('ord')
  for (const each of [pool, other]) each.setServers({ primary: options.primary, replicas: others })
  let reason = ''
  await until(async () => {
    reason = (await pool.query(get)).servedBy.reason
    return lost.length > 0
  }, 'the process to go on')
  expect(reason).not.toBe('unproven')
  expect(lost).toMatchObject([{ lost: { timeline: 2 }, now: { timeline: 1 } }])
  expect((await session.query(get)).rows).toEqual([{ n: 0 }])
  expect(lost).toHaveLength(2)
  expect((await other.query(get)).servedBy.reason).not.toBe('unproven')
  expect((await pool.session(bookmark).query(get)).rows).toEqual([{ n: 0 }])
  await session.query(set(3))
  expect((await session.query(get)).rows).toEqual([{ n: 3 }])
  expect((await pool.query(get)).rows).toEqual([{ n: 3 }])
})

/** A superuser may grant this: without it a standby tells an ordinary role of its new timeline only after a checkpoint. */
async function tellTimelines(world: World): Promise<void> {
  await administer(world, 'nrt', 'grant pg_monitor to app')
  await caughtUp(world)
}

function rolesOf(pool: NearestPool): Record<string, string> {
  return Object.fromEntries(pool.status().servers.map(({ name, role }) => [name, role]))
}

function timelineOf(pool: NearestPool, server: string): number | undefined {
  return pool.status().servers.find(({ name }) => name === server)?.timeline
}
