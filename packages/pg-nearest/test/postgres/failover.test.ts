import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  isNoServerError,
  isOutcomeUnknownError,
  nearestErrorOf,
  type NearestPool,
  type NearestPoolOptions,
} from '../../src/index.ts'
import { connectionsTo } from './connection-counts.ts'
import { administer, ask, caughtUp, healthOf, until, withUsers } from './fixtures.ts'
import { TestPools } from './test-pools.ts'
import { createWritten, write, writesAgain } from './written-table.ts'

/** A superuser may. */
const PROMOTE = 'select pg_promote()'

let world: World
const pools = new TestPools()
async function start(): Promise<void> {
  world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'syd'],
    rtt: { 'nrt-ord': 40, 'nrt-syd': 60, 'ord-syd': 50 },
  })
  await withUsers(world)
  await createWritten(world)
  await caughtUp(world)
}
afterEach(() => pools.destroyAll())

const appIn = (region: string, options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> =>
  pools.start({ ...world.poolOptions(region), ...options })

async function everywhere(): Promise<{ region: string; pool: NearestPool }[]> {
  return Promise.all(['nrt', 'ord', 'syd'].map(async (region) => ({ region, pool: await appIn(region) })))
}

describe('a promotion', () => {
  beforeEach(start)
  afterEach(() => world.stop())

  test('of a replica while the old primary is dead: writes resume within 1 s in every region, and are kept', async () => {
    const apps = await everywhere()
    for (const { pool, region } of apps) await write(pool, `before ${region}`)
    await caughtUp(world)
    await world.kill('nrt')
    await sleep(100)
    // What is written now waits for whoever will take it.
    const waiting = apps.map(({ pool, region }) => write(pool, `meanwhile ${region}`))
    for (const each of waiting) each.catch(() => undefined)
    await sleep(700)
    await administer(world, 'ord', PROMOTE)
    const promotedAt = performance.now()
    const answers = await Promise.all(waiting)
    const afterMs = performance.now() - promotedAt
    expect(answers.map(({ servedBy }) => servedBy.server)).toEqual(['ord', 'ord', 'ord'])
    expect(afterMs).toBeLessThan(1_000)
    for (const { pool, region } of apps) {
      const { servedBy } = await write(pool, `after ${region}`)
      expect(servedBy).toMatchObject({ server: 'ord', role: 'primary', attempts: 1 })
    }
    const rows = await ask<{ id: string }>(world.url('ord'), 'select id from written order by id')
    expect(rows.map(({ id }) => id)).toEqual(
      ['after', 'before', 'meanwhile'].flatMap((when) => ['nrt', 'ord', 'syd'].map((region) => `${when} ${region}`)),
    )
  })

  test('while the old primary lives on: the later timeline takes the writes, it is told, and nothing of ours stays on the other', async () => {
    const apps = await everywhere()
    const told: unknown[] = []
    const problems: string[] = []
    for (const { pool } of apps) {
      pool.on('primary', (event) => told.push(event))
      pool.on('problem', ({ message }) => problems.push(message))
      await write(pool, 'before')
    }
    const open = await (await appIn('ord')).connect()
    await open.query('begin')
    await open.query("insert into written values ('on the old one')")
    await administer(world, 'ord', PROMOTE)
    const promotedAt = performance.now()
    for (const { pool } of apps) {
      // What was on its way to the old primary when it was dropped has an unknown outcome.
      const written = () => write(pool, 'probe').catch(() => undefined)
      await until(async () => (await written())?.servedBy.server === 'ord', 'writes on ord')
    }
    expect(performance.now() - promotedAt).toBeLessThan(1_500)
    const lost = await open.query('commit').catch((error: unknown) => error)
    expect(nearestErrorOf(lost)?.code).toMatch(/08007|NEAREST_CONNECTION_LOST/)
    open.release()
    await until(
      async () => (await connectionsTo(world.url('nrt'))) === 0,
      'the last connection to the old primary',
      3_000,
    )
    expect(told).toEqual(
      Array.from({ length: 3 }, () => ({ server: 'ord', region: 'ord', timeline: 2, before: 'nrt' })),
    )
    expect(problems.some((message) => message.includes('nrt says that it is the primary, but ord'))).toBe(true)
    for (const { pool } of apps) {
      expect((await pool.query('select 1')).servedBy.server, 'it is not read either').not.toBe('nrt')
      expect(pool.status().servers.find(({ writeTo }) => writeTo)?.name).toBe('ord')
    }
  })

  test('again and again, until the first one is the primary again', async () => {
    const pool = await appIn('ord')
    for (const region of ['syd', 'ord', 'nrt']) {
      await world.promote(region)
      const promotedAt = performance.now()
      const { servedBy } = await write(pool, region)
      expect(servedBy.server).toBe(region)
      expect(performance.now() - promotedAt).toBeLessThan(1_000)
      // What the next one has not received when it is promoted is lost.
      await caughtUp(world)
    }
    expect(await ask(world.url('nrt'), 'select id from written')).toHaveLength(3)
  })

  test('a transaction that has begun is told that it was rolled back; the next one runs on the new primary', async () => {
    const pool = await appIn('ord')
    const failed = pool
      .transaction(async (tx) => {
        await tx.query("insert into written values ('in a transaction')")
        await world.promote('syd')
        await tx.query("insert into written values ('too late')")
      })
      .catch((error: unknown) => error)
    expect(await failed).toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
    await pool.transaction((tx) => tx.query("insert into written values ('next')"))
    const again = pool.transaction({ retries: 3 }, async (tx) => {
      await tx.query("insert into written values ('retried')")
      return 'done'
    })
    expect(await again).toBe('done')
    expect(await ask(world.url('syd'), 'select id from written order by id')).toEqual([
      { id: 'next' },
      { id: 'retried' },
    ])
  })
})

describe('a primary that comes back', () => {
  beforeAll(start)
  afterAll(() => world.stop())
  beforeEach(async () => {
    await ask(world.url('nrt'), 'truncate written')
    await caughtUp(world)
  })

  describe('without a primary', () => {
    test('a write fails in the end, with what is known of everybody', async () => {
      const pool = await appIn('ord', { failoverTimeoutMs: 600 })
      await world.kill('nrt')
      const started = performance.now()
      const error = await write(pool, 'nobody').catch((reason: unknown) => reason)
      if (!isNoServerError(error)) throw error
      expect(performance.now() - started).toBeGreaterThan(550)
      expect(performance.now() - started).toBeLessThan(2_500)
      expect(error.message).toMatch(/^No server that takes writes was found within failoverTimeoutMs\. nrt /)
      expect(error.candidates.map(({ server, role, health }) => `${server} ${role} ${health}`)).toEqual([
        'nrt primary down',
        'ord replica up',
        'syd replica up',
      ])
      expect((error.cause as AggregateError).errors.length).toBeGreaterThan(0)
      expect((await pool.query('select 1')).servedBy.server, 'reads go on').toBe('ord')
      await world.start('nrt')
    })

    test('the caller’s own time ends the wait, and failoverTimeoutMs: 0 there is none', async () => {
      const pool = await appIn('ord')
      await world.kill('nrt')
      await sleep(50)
      const insert = { text: "insert into written values ('late')" }
      await expect(pool.query({ ...insert, timeoutMs: 300 })).rejects.toMatchObject({ code: 'NEAREST_TIMEOUT' })
      await expect(pool.query({ ...insert, signal: AbortSignal.timeout(200) })).rejects.toMatchObject({
        name: 'TimeoutError',
      })
      await until(() => healthOf(pool.status(), 'nrt') === 'down', 'nrt to be down')
      const hasty = await appIn('ord', { failoverTimeoutMs: 0 })
      const started = performance.now()
      await expect(hasty.query(insert)).rejects.toMatchObject({ code: 'NEAREST_NO_SERVER' })
      expect(performance.now() - started).toBeLessThan(400)
      await world.start('nrt')
    })

    test('it comes back: what waited is written once', async () => {
      const apps = await everywhere()
      await world.kill('nrt')
      const waiting = apps.map(({ pool, region }) => write(pool, region))
      await sleep(300)
      await world.start('nrt')
      for (const { servedBy } of await Promise.all(waiting)) expect(servedBy.server).toBe('nrt')
      expect(await ask(world.url('nrt'), 'select id from written order by id')).toHaveLength(3)
    })
  })

  test('a primary that refuses to write is an error that says so, and not a loop', async () => {
    const pool = await appIn('ord')
    // A superuser may change what holds for the whole server.
    await administer(world, 'nrt', 'alter system set default_transaction_read_only = on')
    await administer(world, 'nrt', 'select pg_reload_conf()')
    const started = performance.now()
    const fenced = await (async () => {
      for (;;) {
        const error = await write(pool, 'fenced').then(
          () => undefined,
          (reason: unknown) => reason,
        )
        if (error !== undefined) return error
      }
    })()
    expect(fenced).toMatchObject({ code: 'NEAREST_READ_ONLY', cause: { code: '25006' } })
    expect(performance.now() - started).toBeLessThan(2_000)
    await until(() => pool.status().problems.some((each) => each.includes('takes no writes')), 'the problem to be told')
    expect((await pool.query('select 1')).servedBy.server).toBe('ord')
    await administer(world, 'nrt', 'alter system reset default_transaction_read_only')
    await administer(world, 'nrt', 'select pg_reload_conf()')
    await writesAgain(pool)
  })

  describe('a link that swallows everything', () => {
    const GIVEN_UP_MS = 2_000

    test('a replica: its reads go elsewhere in time, the next ones at once', async () => {
      const pool = await appIn('nrt')
      const remote = pools.create({
        region: 'ams',
        primary: { region: 'nrt', url: world.url('nrt', { from: 'syd' }) },
        replicas: { ord: world.url('ord', { from: 'nrt' }) },
      })
      await remote.refresh()
      expect((await remote.query('select 1')).servedBy.server).toBe('ord')
      const before = await Promise.all(Array.from({ length: 5 }, () => remote.query('select pg_sleep(0.1)')))
      expect(before.every(({ servedBy }) => servedBy.server === 'ord')).toBe(true)
      world.partition('nrt', 'ord')
      try {
        const cut = performance.now()
        const first = await Promise.all(Array.from({ length: 5 }, () => remote.query('select name from users')))
        expect(performance.now() - cut).toBeLessThan(GIVEN_UP_MS)
        expect(first.every(({ servedBy }) => servedBy.server === 'nrt')).toBe(true)
        const then = performance.now()
        for (let i = 0; i < 10; i++) expect((await remote.query('select 1')).servedBy.attempts).toBe(1)
        expect(performance.now() - then, 'ten round trips of 60 ms').toBeLessThan(1_500)
      } finally {
        world.heal('nrt', 'ord')
      }
      await until(async () => (await remote.query('select 1')).servedBy.server === 'ord', 'reads from ord again')
      expect(healthOf(pool.status(), 'nrt')).toBe('up')
    })

    test('the primary: a write on its way has an unknown outcome, a transaction is lost, and neither waits for ever', async () => {
      const pool = await appIn('ord')
      // Two connections that are both open: one for the client, and one for the write.
      await Promise.all([1, 2].map(() => pool.primary.query('select pg_sleep(1)')))
      const client = await pool.connect()
      await client.query('begin')
      await client.query("insert into written values ('in it')")
      world.partition('nrt', 'ord')
      const cut = performance.now()
      try {
        const error = await write(pool, 'swallowed').catch((reason: unknown) => reason)
        expect(isOutcomeUnknownError(error)).toBe(true)
        // They cannot run elsewhere, so that they are kept for `silenceTimeoutMs`.
        expect(performance.now() - cut).toBeGreaterThan(4_000)
        expect(performance.now() - cut).toBeLessThan(5_000 + GIVEN_UP_MS)
        await expect(client.query("insert into written values ('more')")).rejects.toMatchObject({
          code: 'NEAREST_CONNECTION_LOST',
        })
        expect(performance.now() - cut).toBeLessThan(5_000 + 2 * GIVEN_UP_MS)
        client.release()
        expect((await pool.query('select 1')).servedBy.server).toBe('ord')
      } finally {
        world.heal('nrt', 'ord')
      }
      await writesAgain(pool)
    })

    test('a process that was too busy to listen takes nobody for silent', async () => {
      const pool = await appIn('ord')
      const events: string[] = []
      pool.on('topology', ({ servers }) => events.push(servers.map(({ health }) => health).join()))
      const slow = pool.query("select 'asked' as was, pg_sleep(1)")
      await sleep(100)
      const busyUntil = performance.now() + 2_500
      while (performance.now() < busyUntil);
      expect((await slow).rows).toMatchObject([{ was: 'asked' }])
      await sleep(300)
      expect(events.filter((healths) => healths.includes('down'))).toEqual([])
    })
  })
})
