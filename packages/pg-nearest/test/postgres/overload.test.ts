import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type NearestPoolOptions, type QueryEvent } from '../../src/index.ts'
import { ask, caughtUp, until, withUsers } from './fixtures.ts'
import { HeldAnswers } from './held-answers.ts'
import { within } from './settling.ts'

let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'atl'],
    rtt: { 'nrt-ord': 60, 'nrt-atl': 60, 'ord-atl': 4 },
  })
  await withUsers(world)
})
afterEach(() => pool.destroy())
afterAll(() => world.stop())

async function start(options: Partial<NearestPoolOptions> = {}): Promise<void> {
  pool = createPool({ ...world.poolOptions('ord'), ...options })
  await caughtUp(world, pool)
}

describe('a deadline', () => {
  test('bounds all attempts of a call together, and cancels on the server', async () => {
    await start()
    const started = performance.now()
    const late = pool.query({ text: "select 'late', pg_sleep(30)", timeoutMs: 300 })
    await expect(late).rejects.toMatchObject({ code: 'NEAREST_TIMEOUT', message: expect.stringContaining('300 ms') })
    expect(performance.now() - started).toBeLessThan(1_500)
    const running = "select 1 from pg_stat_activity where query like 'select ''late''%' and state = 'active'"
    await until(async () => (await ask(world.url('ord'), running)).length === 0, 'it to be cancelled')
    expect((await pool.query({ text: 'select 1 as one', timeoutMs: 5_000 })).rows).toEqual([{ one: 1 }])
  })

  test('of the pool holds for every query, and a call may have its own', async () => {
    await start({ timeoutMs: 200 })
    await expect(pool.query('select pg_sleep(30)')).rejects.toMatchObject({ code: 'NEAREST_TIMEOUT' })
    await expect(pool.replica().query('select pg_sleep(30)')).rejects.toMatchObject({ code: 'NEAREST_TIMEOUT' })
    await pool.query({ text: 'select pg_sleep(0.4)', timeoutMs: 5_000 })
    await expect(pool.query({ text: 'select 1', timeoutMs: -1 })).rejects.toMatchObject({ code: 'NEAREST_BAD_OPTION' })
  })

  test('the wait for a connection is part of it', async () => {
    await start({ max: 1 })
    const client = await pool.connect()
    await client.query('select 1')
    await expect(pool.query({ text: 'select 1', timeoutMs: 100 })).rejects.toMatchObject({ code: 'NEAREST_TIMEOUT' })
    client.release()
  })

  test('on a borrowed client, whose connection is used on', async () => {
    await start()
    const client = await pool.connect()
    await client.query('begin')
    await client.query('savepoint here')
    await expect(client.query({ text: 'select pg_sleep(30)', timeoutMs: 200 })).rejects.toMatchObject({
      code: 'NEAREST_TIMEOUT',
    })
    await client.query('rollback to here')
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await client.query('commit')
    client.release()
  })

  test('of a transaction: what runs is cancelled, and it is rolled back', async () => {
    await start()
    const started = performance.now()
    const work = pool.transaction({ timeoutMs: 400 }, async (tx) => {
      await tx.query("insert into users (name) values ('Too late')")
      await tx.query('select pg_sleep(30)')
    })
    await expect(work).rejects.toMatchObject({ code: 'NEAREST_TIMEOUT' })
    expect(performance.now() - started).toBeLessThan(2_000)
    const gone = async (): Promise<boolean> =>
      (
        await ask(
          world.url('nrt'),
          "select 1 from pg_stat_activity where query like 'select pg_sleep(30)%' and state = 'active'",
        )
      ).length === 0
    await until(gone, 'it to end on the server')
    expect(await ask(world.url('nrt'), "select 1 from users where name = 'Too late'")).toEqual([])
    const reason = new Error('the visitor left')
    const aborted = pool.transaction({ signal: AbortSignal.abort(reason) }, (tx) => tx.query('select 1'))
    await expect(aborted).rejects.toBe(reason)
    const inTime = await pool.transaction({ timeoutMs: 5_000 }, async (tx) => (await tx.query('select 1 as one')).rows)
    expect(inTime).toEqual([{ one: 1 }])
  })
})

test('a cancel that comes too late hits nobody else', async () => {
  await start({ max: 1 })
  for (let i = 0; i < 60; i++) {
    const controller = new AbortController()
    const first = pool.query({ text: 'select pg_sleep(0.002)', signal: controller.signal }).catch(() => undefined)
    setTimeout(() => controller.abort(new Error('too late')), i % 6)
    const next = await pool.query('select 1 as one, pg_sleep(0.002)')
    expect(next.rows).toMatchObject([{ one: 1 }])
    await first
  }
})

test('a queue that is full says so at once', async () => {
  await start({ max: 1, maxWaiting: 3 })
  const slow = pool.query('select pg_sleep(0.5)')
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => pool.query('select 1')))
  const refused = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
  expect(refused.length).toBe(3)
  for (const error of refused) {
    expect(error).toMatchObject({ code: 'NEAREST_OVERLOADED', message: expect.stringContaining('maxWaiting') })
  }
  await slow
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

describe('hedging', () => {
  test('a slow read is asked of a second server; the first to answer counts, and the other keeps its connection', async () => {
    // All reads begin at one of two replicas, which is much nearer, whatever a busy machine adds; what is slow later is that one alone.
    world.setRtt('nrt', 'ord', 30)
    world.setRtt('nrt', 'atl', 200)
    const text = 'select name from users'
    const slow = new HeldAnswers(world.url('ord', { from: 'nrt' }), text)
    pool = createPool({
      stream: slow.stream,
      primary: world.url('nrt', { from: 'atl' }),
      replicas: { ord: world.url('ord', { from: 'nrt' }), atl: world.url('atl', { from: 'nrt' }) },
      hedge: { percentile: 0.9, budget: 1 },
      consistency: 'eventual',
    })
    await caughtUp(world, pool)
    const ten = (from: Pick<NearestPool, 'query'>): Promise<unknown> =>
      Promise.all(Array.from({ length: 10 }, () => from.query('select 1')))
    // Nobody has to connect any more.
    await Promise.all([pool.primary, pool.replica('ord'), pool.replica('atl')].map(ten))
    for (let i = 0; i < 12; i++) await ten(pool)
    const connections = pool.totalCount
    const events: QueryEvent[] = []
    pool.on('query', (event) => events.push(event))
    // As many as there are connections: none waits for one that another has.
    const queries = 10
    try {
      const reads = Promise.all(Array.from({ length: queries }, () => pool.query(text)))
      const results = await within(10_000, 'reads that do not wait for the slow one', reads)
      expect(results.map(({ servedBy }) => servedBy.server)).not.toContain('ord')
      expect(results.map(({ servedBy }) => servedBy.reason)).toEqual(results.map(() => 'hedged'))
    } finally {
      world.setRtt('nrt', 'ord', 60)
      world.setRtt('nrt', 'atl', 60)
    }
    expect(events.length, 'one query is one event').toBe(queries)
    await until(() => pool.totalCount === pool.idleCount, 'all connections to be back')
    expect(pool.totalCount, 'none was lost').toBeGreaterThanOrEqual(connections)
    const servers = new Set<string>()
    await until(async () => {
      servers.add((await pool.query('select 1')).servedBy.server)
      return servers.has('ord')
    }, 'reads from ord again')
  })

  test('never a write, nothing in a transaction, and no more than the budget', async () => {
    // A table of its own: what a test before has read is counted late.
    await ask(world.url('nrt'), 'create table scanned as select 1 as id')
    await start({ hedge: { percentile: 0.5, budget: 0.05 } })
    const reasons = new Map<string, number>()
    pool.on('query', ({ servedBy }) => {
      const { reason = 'none' } = servedBy ?? {}
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    })
    for (let i = 0; i < 400; i++) await pool.query('select id from scanned')
    await pool.destroy()
    await until(async () => (await scans()) >= 400, 'the counters')
    expect(await scans()).toBeLessThanOrEqual(400 + 400 * 0.05 + 2)
    expect(reasons.get('hedged') ?? 0).toBeLessThanOrEqual(400 * 0.05 + 2)
    await start({ hedge: { percentile: 0.01, budget: 1 } })
    for (let i = 0; i < 50; i++) await pool.query('select 1')
    const inside = await pool.transaction({ readOnly: true }, (tx) => tx.query('select pg_sleep(0.1)'))
    expect(inside.servedBy.reason).toBe('transaction')
    await pool.query("insert into users (name) select 'Hedged' from pg_sleep(0.2)")
    expect(await ask(world.url('nrt'), "select count(*)::int as n from users where name = 'Hedged'")).toEqual([
      { n: 1 },
    ])
  })

  test('off by default, and garbage is refused', async () => {
    await start()
    for (const hedge of [5, 'yes', { percentile: 2 }, { budget: 0 }, { after: 1 }]) {
      expect(() => createPool({ ...world.poolOptions('ord'), hedge: hedge as never })).toThrow('hedge must be')
    }
  })
})

/** How often `scanned` was read, on all servers. */
async function scans(): Promise<number> {
  const counts = await Promise.all(
    world.regions.map((region) =>
      ask<{ n: number }>(
        world.url(region),
        "select seq_scan::int as n from pg_stat_user_tables where relname = 'scanned'",
      ),
    ),
  )
  return counts.reduce((all, [row]) => all + (row?.n ?? 0), 0)
}
