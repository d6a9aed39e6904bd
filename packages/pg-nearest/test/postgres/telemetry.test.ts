import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, isOptionError, type NearestPool } from '../../src/index.ts'
import { instrument } from '../../src/opentelemetry/index.ts'
import { ask, caughtUp, until, withUsers } from './fixtures.ts'
import { Collector } from './telemetry-collector.ts'

let world: World
let password: string
let pool: NearestPool
let collector: Collector
beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'] })
  await withUsers(world)
  password = new URL(world.url('nrt')).password
  if (password === '') throw new Error('there is no password to look for')
})
afterAll(async () => {
  context.disable()
  await world.stop()
})
beforeEach(() => {
  pool = createPool(world.poolOptions('ord'))
  collector = new Collector()
})
afterEach(async () => {
  await pool.destroy()
  await collector.stop()
})

describe('a span', () => {
  test('of a read says what was read, from whom, and why there', async () => {
    instrument(pool, collector.providers)
    await pool.query('select name from users where id = $1', [1])
    const span = collector.span('SELECT users')
    const { port } = new URL(world.url('ord', { from: 'ord' }))
    expect(span.kind).toBe(SpanKind.CLIENT)
    expect(span.status.code).toBe(SpanStatusCode.UNSET)
    expect(span.attributes).toEqual({
      'db.system.name': 'postgresql',
      'db.namespace': expect.any(String),
      'db.query.summary': 'SELECT users',
      'db.query.text': 'select name from users where id = $1',
      'db.operation.name': 'SELECT',
      'server.address': expect.any(String),
      'server.port': Number(port),
      'pg_nearest.server': 'ord',
      'pg_nearest.region': 'ord',
      'pg_nearest.role': 'replica',
      'pg_nearest.reason': 'own-region',
      'pg_nearest.attempts': 1,
      'pg_nearest.mode': 'normal',
    })
  })

  test('says in which mode a statement ran, one that failed included', async () => {
    instrument(pool, collector.providers)
    pool.mode = 'read-only'
    await pool.query('select name from users')
    await expect(pool.query('delete from hits')).rejects.toMatchObject({ code: 'NEAREST_READ_ONLY_MODE' })
    for (const name of ['SELECT users', 'DELETE hits']) {
      expect(collector.span(name).attributes).toMatchObject({ 'pg_nearest.mode': 'read-only' })
    }
  })

  test('lasts as long as the call, the wait for a connection included', async () => {
    instrument(pool, collector.providers)
    const before = Date.now()
    await pool.query('select pg_sleep(0.2)')
    const { startTime, duration } = collector.span('SELECT')
    expect(Math.abs(startTime[0] * 1_000 + startTime[1] / 1e6 - before)).toBeLessThan(150)
    expect(duration[0] * 1_000 + duration[1] / 1e6).toBeGreaterThanOrEqual(199)
  })

  test('there is one for each statement of a transaction, of a borrowed client, a handle and a session', async () => {
    instrument(pool, collector.providers)
    await pool.transaction(async (tx) => {
      await tx.query('update users set age = age where id = $1', [1])
      await tx.query('select 1')
    })
    expect(collector.names).toEqual(['BEGIN', 'UPDATE users', 'SELECT', 'COMMIT'])
    expect(collector.span('UPDATE users').attributes).toMatchObject({
      'pg_nearest.server': 'nrt',
      'pg_nearest.role': 'primary',
      'pg_nearest.reason': 'transaction',
    })
    const client = await pool.connect()
    await client.query('insert into hits values (0)')
    client.release()
    expect(collector.span('INSERT hits').attributes).toMatchObject({ 'pg_nearest.server': 'nrt' })
    await pool.primary.query('select n from hits')
    expect(collector.span('SELECT hits').attributes).toMatchObject({ 'pg_nearest.reason': 'asked' })
    await pool.session(undefined, () => pool.query('table hits'))
    await pool.session().query('values (1)')
    expect(collector.names.slice(-2)).toEqual(['TABLE hits', 'VALUES'])
  })

  test('is the child of the caller’s, with many callers at a time', async () => {
    instrument(pool, collector.providers)
    const tracer = collector.tracerProvider.getTracer('app')
    const call = (name: string): Promise<unknown> =>
      tracer.startActiveSpan(name, async (parent) => {
        await pool.query(`table ${name}`)
        expect(trace.getActiveSpan(), 'the caller’s is the active one still').toBe(parent)
        await pool.transaction((tx) => tx.query(`select from ${name}`))
        parent.end()
      })
    await Promise.all(['users', 'hits'].map(call))
    for (const name of ['users', 'hits']) {
      const parent = collector.span(name).spanContext()
      for (const child of [collector.span(`TABLE ${name}`), collector.span(`SELECT ${name}`)]) {
        expect(child.parentSpanContext?.spanId).toBe(parent.spanId)
        expect(child.spanContext().traceId).toBe(parent.traceId)
      }
    }
    await pool.query('select')
    expect(collector.spans.at(-1)?.parentSpanContext, 'a root where there is no parent').toBeUndefined()
  })

  test('of a statement that failed has the code, and nothing that PostgreSQL quotes', async () => {
    instrument(pool, collector.providers)
    await expect(pool.query('insert into users (name) values ($1)', ['Ada'])).rejects.toMatchObject({ code: '23505' })
    const span = collector.span('INSERT users')
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR })
    expect(span.attributes).toMatchObject({ 'db.response.status_code': '23505', 'error.type': '23505' })
    await expect(pool.query("select 'nobody''s business'::int")).rejects.toMatchObject({ code: '22P02' })
    expect(await collector.everything()).not.toContain('business')
  })

  test('of a statement that nobody could run says so in words', async () => {
    const { primary } = world.poolOptions('ord')
    await using other = createPool({ primary: { ...primary, url: `postgres://app:${password}@127.0.0.1:1/app` } })
    instrument(other, collector.providers)
    await expect(other.query('table users')).rejects.toMatchObject({ code: 'NEAREST_NO_SERVER' })
    const { attributes, status } = collector.span('TABLE users')
    expect(attributes).toMatchObject({ 'error.type': 'NEAREST_NO_SERVER', 'pg_nearest.attempts': expect.any(Number) })
    expect(attributes).not.toHaveProperty('db.response.status_code')
    expect(status.message).toMatch(/refused/)
    expect(await collector.everything()).not.toContain(password)
  })

  test('carries a text only if it holds no data, unless told otherwise', async () => {
    const texts = ['table users', "select 'data'", 'select id from users where id = $1']
    const exported = async (statementText?: boolean): Promise<unknown[]> => {
      const own = new Collector()
      const stop = instrument(pool, { ...own.providers, statementText })
      for (const text of texts) await pool.query(text, text.includes('$1') ? [1] : undefined)
      const found = own.spans.map(({ attributes }) => attributes['db.query.text'])
      stop()
      await own.stop()
      return found
    }
    expect(await exported()).toEqual([texts[0], undefined, texts[2]])
    expect(await exported(true)).toEqual(texts)
    expect(await exported(false)).toEqual([undefined, undefined, undefined])
  })
})

test('a replica that dies with a read on it: one span, with the attempts, and a retry is counted', async () => {
  instrument(pool, collector.providers)
  await pool.refresh()
  const read = pool.query('select pg_sleep(1)')
  const busy = "select 1 from pg_stat_activity where query = 'select pg_sleep(1)' and state = 'active'"
  await until(async () => (await ask(world.url('ord'), busy)).length > 0, 'the read to run')
  await world.kill('ord')
  try {
    const { servedBy } = await read
    expect(servedBy).toMatchObject({ reason: 'retry', attempts: 2 })
    const { attributes } = collector.span('SELECT')
    expect(attributes).toMatchObject({
      'pg_nearest.server': servedBy.server,
      'pg_nearest.reason': 'retry',
      'pg_nearest.attempts': 2,
    })
    expect(await collector.points('pg_nearest.retries', { 'pg_nearest.server': servedBy.server })).toEqual([1])
    await until(
      async () => (await collector.points('pg_nearest.server.up', { 'pg_nearest.server': 'ord' }))[0] === 0,
      'ord to be shown as down',
    )
  } finally {
    await world.start('ord')
    await caughtUp(world)
  }
})

describe('metrics', () => {
  test('of statements: how long, by whom and why', async () => {
    instrument(pool, collector.providers)
    for (let i = 0; i < 3; i++) await pool.query('table users')
    await pool.query('update hits set n = n')
    await expect(pool.query('select 1 / 0')).rejects.toThrow('division by zero')
    const read = { 'db.system.name': 'postgresql', 'db.operation.name': 'SELECT', 'pg_nearest.server': 'ord' }
    expect(await collector.points('db.client.operation.duration', read)).toMatchObject([
      { count: 3, buckets: { boundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] } },
    ])
    expect(await collector.points('db.client.operation.duration', { 'error.type': '22012' })).toMatchObject([
      { count: 1 },
    ])
    const reason = (name: string) => collector.points('pg_nearest.routes', { 'pg_nearest.reason': name })
    expect(await reason('own-region')).toEqual([3])
    expect(await reason('write')).toEqual([1])
    expect(await collector.points('pg_nearest.retries')).toEqual([])
  })

  test('of connections and servers: what the status says', async () => {
    instrument(pool, collector.providers)
    await pool.refresh()
    const client = await pool.connect()
    await client.query('begin read only')
    await client.query('table users')
    await pool.query('update hits set n = n')
    const count = (server: string, state: string) =>
      collector.points('db.client.connection.count', {
        'pg_nearest.server': server,
        'db.client.connection.state': state,
      })
    expect([await count('ord', 'used'), await count('nrt', 'idle'), await count('syd', 'used')]).toEqual([
      [1],
      [1],
      [0],
    ])
    expect(pool.status().servers.map(({ name, connections }) => [name, connections])).toEqual([
      ['nrt', { total: 1, idle: 1, waiting: 0 }],
      ['ord', { total: 1, idle: 0, waiting: 0 }],
      ['syd', { total: 0, idle: 0, waiting: 0 }],
    ])
    await client.query('commit')
    client.release()
    expect(await collector.points('db.client.connection.pending_requests')).toEqual([0, 0, 0])
    expect(await collector.points('pg_nearest.server.up')).toEqual([1, 1, 1])
    expect(await collector.points('pg_nearest.server.staleness', { 'pg_nearest.role': 'primary' })).toEqual([0])
    const [trip] = await collector.points('pg_nearest.server.round_trip_time', { 'pg_nearest.server': 'ord' })
    expect(trip).toBeGreaterThan(0)
    expect(trip, 'in seconds').toBeLessThan(1)
    expect(await collector.everything()).not.toContain(password)
  })
})

describe('once stopped', () => {
  test('nothing more is told, but for what has begun', async () => {
    const stop = instrument(pool, collector.providers)
    const begun = pool.query('select pg_sleep(0.1)')
    stop()
    stop()
    await pool.query('table users')
    await begun
    expect(collector.names).toEqual(['SELECT'])
    expect(await collector.points('pg_nearest.server.up')).toEqual([])
  })

  test('the other pools are told of still, each by its own', async () => {
    await using other = createPool(world.poolOptions('syd'))
    const others = new Collector()
    instrument(other, others.providers)
    {
      using stop = instrument(pool, collector.providers)
      expect(stop).toBeTypeOf('function')
      await Promise.all([pool.query('table users'), other.query('table hits')])
    }
    await Promise.all([pool.query('select'), other.query('select')])
    expect(collector.names).toEqual(['TABLE users'])
    expect(others.names).toEqual(['TABLE hits', 'SELECT'])
    await others.stop()
  })
})

test('what cannot be instrumented is refused with what to do', () => {
  const refusal = (act: () => unknown): unknown => {
    try {
      return act()
    } catch (error) {
      return isOptionError(error) ? [error.option, error.message] : error
    }
  }
  expect(refusal(() => instrument(pool.primary as NearestPool))).toEqual(['pool', expect.stringMatching(/createPool/)])
  expect(refusal(() => instrument(pool, { statementTexts: true } as object))).toEqual([
    'statementTexts',
    expect.stringMatching(/statementText/),
  ])
  expect(refusal(() => instrument(pool, { tracerProvider: {} as never }))).toEqual([
    'tracerProvider',
    expect.stringMatching(/TracerProvider/),
  ])
})
