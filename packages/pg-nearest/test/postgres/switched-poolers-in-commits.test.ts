import { finished } from 'node:stream/promises'
import { from } from 'pg-copy-streams'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { administer, ask, caughtUp, until } from './fixtures.ts'
import { startNameSwitch, type NameSwitch } from './name-switch.ts'
import { pgbouncer, startBouncer, type Bouncers, type PoolMode } from './pgbouncer-rig.ts'
import { TestPools } from './test-pools.ts'

/** While a COMMIT is on its way, the pooler before the primary is given a standby, and a probe finds that out. */
const urlOf = (server: NearestPoolOptions['primary']): string => (server as { readonly url: string }).url
const modes: readonly PoolMode[] = ['transaction', 'session']

describe.skipIf(pgbouncer === undefined).each(modes)('behind PgBouncer in %s mode', (mode) => {
  let world: World
  let way: NameSwitch
  let bouncers: Bouncers
  const pools = new TestPools()
  beforeAll(async () => {
    world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 4 })
    await ask(
      world.url('nrt'),
      `create table items (n int);
       create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(2); return null; end';
       create constraint trigger slow after insert on items deferrable initially deferred for each row execute function slow()`,
    )
    await caughtUp(world)
  })
  afterAll(() => world?.stop())
  beforeEach(async () => {
    way = await startNameSwitch(world.url('nrt'))
    bouncers = await startBouncer('nrt', way.url, mode)
  })
  afterEach(async () => {
    await pools.destroyAll()
    await bouncers[Symbol.asyncDispose]()
    await way[Symbol.asyncDispose]()
    await ask(world.url('nrt'), 'truncate items')
    await caughtUp(world)
  })

  const writes: Record<string, (pool: NearestPool) => Promise<unknown>> = {
    transaction: (pool) =>
      pool.transaction(async (tx) => {
        await tx.query('insert into items values (1)')
        await tx.query('select 1')
      }),
    client: async (pool) => {
      const client = await pool.connect()
      client.on('error', () => undefined)
      try {
        await client.query('begin')
        await client.query('insert into items values (1)')
        await client.query('commit')
      } finally {
        client.release()
      }
    },
    autocommit: (pool) => pool.query('insert into items values (1)'),
    'autocommit of a client': async (pool) => {
      const client = await pool.connect()
      client.on('error', () => undefined)
      try {
        await client.query('insert into items values (1)')
      } finally {
        client.release()
      }
    },
    copy: async (pool) => {
      const client = await pool.connect()
      client.on('error', () => undefined)
      try {
        const stream = client.query(from('copy items from stdin'))
        stream.end('1\n')
        await finished(stream)
      } finally {
        client.release()
      }
    },
  }

  test.each(Object.keys(writes))('%s', async (name) => {
    const { primary } = bouncers.poolOptions('nrt')
    const pool = await pools.start({
      region: 'nrt',
      primary: { region: 'nrt', url: urlOf(primary) },
      replicas: { ord: world.url('ord') },
      probeIntervalMs: 100,
      failoverTimeoutMs: 1_000,
    })
    for (let i = 0; i < 3; i++) await pool.query('select n from items')
    const write = Promise.resolve(writes[name]?.(pool)).then(
      () => 'committed',
      (error: unknown) => `${(error as Error).name} ${(error as { code: string }).code} ${(error as Error).message}`,
    )
    const running = "select from pg_stat_activity where wait_event = 'PgSleep'"
    await until(async () => (await administer(world, 'nrt', running)).length === 1, 'the commit to run')
    way.leadTo(world.url('ord'))
    await administer(
      world,
      'nrt',
      "select pg_terminate_backend(pid) from pg_stat_activity where client_port is not null and pid <> pg_backend_pid() and backend_type = 'client backend' and wait_event is distinct from 'PgSleep'",
    )
    const end = await write
    await until(async () => (await administer(world, 'nrt', running)).length === 0, 'the commit to end')
    const there = await ask(world.url('nrt'), 'select n from items')
    if (there.length === 1) expect(end).toMatch(/^committed|OutcomeUnknown/)
    else expect(end).not.toBe('committed')
  })
})

test.skipIf(pgbouncer === undefined)('a transaction with retries runs once', async () => {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 4 })
  await ask(
    world.url('nrt'),
    `create table items (n int);
     create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(2); return null; end';
     create constraint trigger slow after insert on items deferrable initially deferred for each row execute function slow()`,
  )
  await caughtUp(world)
  await using way = await startNameSwitch(world.url('nrt'))
  await using bouncers = await startBouncer('nrt', way.url, 'transaction')
  const pools = new TestPools()
  const pool = await pools.start({
    region: 'nrt',
    primary: { region: 'nrt', url: urlOf(bouncers.poolOptions('nrt').primary) },
    replicas: { ord: world.url('ord') },
    probeIntervalMs: 100,
  })
  let runs = 0
  const write = pool
    .transaction({ retries: 2 }, async (tx) => {
      runs++
      await tx.query('insert into items values (1)')
      await tx.query('select 1')
    })
    .then(
      () => 'committed',
      (error: unknown) => `${(error as Error).name} ${(error as { code: string }).code} ${(error as Error).message}`,
    )
  const running = "select from pg_stat_activity where wait_event = 'PgSleep'"
  await until(async () => (await administer(world, 'nrt', running)).length === 1, 'the commit to run')
  way.leadTo(world.url('ord'))
  await administer(
    world,
    'nrt',
    "select pg_terminate_backend(pid) from pg_stat_activity where client_port is not null and pid <> pg_backend_pid() and backend_type = 'client backend' and wait_event is distinct from 'PgSleep'",
  )
  await until(
    async () => (await ask(world.url('ord'), 'select from items')).length === 1,
    'the commit to be replicated',
  )
  await world.kill('nrt')
  await administer(world, 'ord', 'select pg_promote()')
  const end = await write
  const there = await ask(world.url('ord'), 'select n from items')
  await pools.destroyAll()
  expect({ runs, there, end }).toEqual({ runs: 1, there: [{ n: 1 }], end: expect.stringMatching(/^OutcomeUnknown/) })
})
