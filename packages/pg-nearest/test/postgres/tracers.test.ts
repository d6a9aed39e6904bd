import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { context, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import pg from 'pg'
import Cursor from 'pg-cursor'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { caughtUp, withUsers } from './fixtures.ts'
import { Collector } from './telemetry-collector.ts'

const own = pg.Client.prototype.query
let world: World
let pool: NearestPool
beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await withUsers(world)
})
afterAll(async () => {
  context.disable()
  await world.stop()
})

describe("OpenTelemetry's PgInstrumentation", () => {
  let collector: Collector
  let instrumentation: PgInstrumentation
  beforeAll(() => {
    collector = new Collector()
    instrumentation = new PgInstrumentation({ addSqlCommenterCommentToQueries: true, ignoreConnectSpans: true })
    instrumentation.setTracerProvider(collector.tracerProvider)
    // Its hook is on `require`.
    createRequire(import.meta.url)('pg')
  })
  afterAll(async () => {
    instrumentation.disable()
    await collector.stop()
  })
  beforeEach(async () => {
    pool = createPool(world.poolOptions('ord'))
    await pool.refresh()
  })
  afterEach(() => pool.destroy())

  const textsOf = (spans: readonly (ReadableSpan | undefined)[]): string[] => spans.map(textOf)
  const textOf = (span: ReadableSpan | undefined): string =>
    String(span?.attributes['db.query.text'] ?? span?.attributes['db.statement'])

  /** The spans of what was done in a span, once each. */
  async function spansOf(work: () => Promise<unknown>): Promise<readonly ReadableSpan[]> {
    const tracer = collector.tracerProvider.getTracer('app')
    const before = collector.spans.length
    const parent = tracer.startSpan('request')
    await context.with(trace.setSpan(context.active(), parent), work)
    const spans = collector.spans.slice(before)
    for (const { parentSpanContext } of spans) expect(parentSpanContext?.spanId).toBe(parent.spanContext().spanId)
    return spans
  }

  test('sees each statement of a pool once, with its own text and server, also where many run at once', async () => {
    const texts = Array.from({ length: 20 }, (_, n) => `select ${n} as n`)
    const spans = await spansOf(async () => {
      const results = await Promise.all(texts.map((text) => pool.query<{ n: number }>(text)))
      expect(results.map(({ rows }) => rows[0]?.n)).toEqual(texts.map((_, n) => n))
    })
    expect(textsOf(spans).toSorted()).toEqual(texts.toSorted())
    const [span] = await spansOf(() => pool.query('insert into users (name) values ($1)', ['Barbara']))
    expect(textOf(span)).toBe('insert into users (name) values ($1)')
    const portIn = (region: string): number => Number(new URL(world.url(region, { from: 'ord' })).port)
    expect(spans[0]?.attributes['server.port'] ?? spans[0]?.attributes['net.peer.port']).toBe(portIn('ord'))
    expect(span?.attributes['server.port'] ?? span?.attributes['net.peer.port']).toBe(portIn('nrt'))
  })

  test('puts its comment into each text, and no result is another', async () => {
    const { rows } = await pool.query<{ text: string }>('select current_query() as text')
    expect(rows[0]?.text).toMatch(/^select current_query\(\) as text \/\*traceparent='/)
    const named = { name: 'named', text: 'select current_query() as text' }
    expect((await pool.query<{ text: string }>(named)).rows[0]?.text).toBe(named.text)
  })

  test('lasts as long as the statement, and says how it failed', async () => {
    const [slept] = await spansOf(() => pool.query('select pg_sleep(0.2)'))
    const [seconds, nanoseconds] = slept?.duration ?? [0, 0]
    expect(seconds * 1_000 + nanoseconds / 1e6).toBeGreaterThanOrEqual(199)
    const [failed] = await spansOf(() => expect(pool.query('select 1 / 0')).rejects.toThrow('division by zero'))
    expect(failed?.status.code).toBe(SpanStatusCode.ERROR)
  })

  test('sees what the caller runs in transactions, on clients, in batches, by cursors and on handles, and nothing of the pool', async () => {
    const inTransaction = await spansOf(() =>
      pool.transaction(async (tx) => {
        await tx.query('update users set age = age')
        await tx.query('select 1')
      }),
    )
    expect(textsOf(inTransaction)).toEqual(['begin', 'update users set age = age', 'select 1', 'commit'])
    // A read that a replica answers too early runs again, and is seen again.
    await caughtUp(world, pool)
    const borrowed = await spansOf(async () => {
      const client = await pool.connect()
      await client.query('select 2')
      const cursor = client.query(new Cursor('select n from generate_series(1, 3) as n'))
      expect(await cursor.read(10)).toHaveLength(3)
      await cursor.close()
      await new Promise<void>((resolve) => client.query('select 3', () => resolve()))
      client.release()
    })
    expect(textsOf(borrowed)).toEqual(['select 2', 'select n from generate_series(1, 3) as n', 'select 3'])
    const batch = ['select 4', 'insert into hits values (1)', 'select 5']
    expect(textsOf(await spansOf(() => pool.batch(batch))).toSorted()).toEqual(batch.toSorted())
    await caughtUp(world, pool)
    const handle = await spansOf(() => pool.replica('ord').query('select 6'))
    expect(textsOf(handle)).toEqual(['select 6'])
    const primary = createPool({ primary: world.url('nrt') })
    expect(textsOf(await spansOf(() => primary.replica().query('select 7')))).toEqual(['select 7'])
    const lent = await primary.connect()
    expect(textsOf(await spansOf(() => lent.query('select 8')))).toEqual(['select 8'])
    lent.release()
    await primary.destroy()
    const before = collector.spans.length
    await pool.refresh()
    expect(collector.spans).toHaveLength(before)
  })
})

describe('a tracer of any other kind', () => {
  beforeEach(() => void (pool = createPool(world.poolOptions('ord'))))
  afterEach(async () => {
    pg.Client.prototype.query = own
    await pool.destroy()
  })

  function replaceQuery(query: (this: pg.Client, ...args: unknown[]) => unknown): void {
    pg.Client.prototype.query = query as typeof own
  }

  test('that throws harms no statement', async () => {
    replaceQuery(() => {
      throw new Error('of the tracer')
    })
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('that refuses a statement keeps it from being sent, and no other', async () => {
    const refusal = new Error('It looks like an attack')
    replaceQuery(function (this: pg.Client, config, callback) {
      if (!(config as pg.QueryConfig).text.includes('users')) return Reflect.apply(own, this, [config, callback])
      return (callback as (error: Error) => void)(refusal)
    })
    await expect(pool.query("insert into users (name) values ('Mallory')")).rejects.toBe(refusal)
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    const client = await pool.connect()
    await client.query('BEGIN')
    await expect(client.query("insert into users (name) values ('Mallory')")).rejects.toBe(refusal)
    await client.query('ROLLBACK')
    client.release()
    const { rows } = await pool.query({ text: 'select count(*)::int as n from pg_stat_activity', route: 'primary' })
    expect(rows).toHaveLength(1)
  })
})

/** What a program under a real tracer has seen, and was answered. */
interface Traced {
  readonly seen: readonly { readonly text: string; readonly port: number; readonly parent: string }[]
  readonly answers: Record<string, readonly { readonly rows: Record<string, unknown>[]; readonly span: string }[]>
  /** How many statements have ended, where the tracer tells that by itself. */
  readonly ended?: number
}

async function runUnder(tracer: string): Promise<Traced> {
  const program = fileURLToPath(new URL(`../tracers/${tracer}.cjs`, import.meta.url))
  const options = JSON.stringify(world.poolOptions('ord'))
  const { stdout } = await promisify(execFile)(process.execPath, [program, options])
  return JSON.parse(stdout) as Traced
}

const MANY = 'select $1::int as n, current_query() as text'

/** Sentry shows no literals. */
const withoutLiterals = (text: string): string => text.replaceAll(/'\w+'|(?<![$\w])\d+/g, '?')

test.each([
  ['dd-trace', (text: string) => text],
  ['new-relic', (text: string) => text],
  ['sentry', withoutLiterals],
] as const)(
  '%s sees each statement once, under its caller, with its server, and ends no process',
  async (tracer, shown) => {
    const { seen, answers, ended = seen.length } = await runUnder(tracer)
    const of = (name: string): Traced['seen'] =>
      (answers[name] ?? []).flatMap(({ span }) => seen.filter(({ parent }) => parent === span))
    const texts = (name: string): string[] => of(name).map(({ text }) => text)
    expect(texts('many')).toEqual([MANY, MANY, MANY])
    expect(answers['many']?.map(({ rows }) => rows[0]?.['n'])).toEqual([1, 2, 3])
    const insert = "insert into users (name) values ('Donald') returning name"
    expect(texts('written')).toEqual([shown(insert)])
    expect(texts('transaction')).toEqual(['begin', 'select 1 as one', 'select 2 as two', 'commit'].map(shown))
    expect(texts('borrowed')).toEqual([shown('select n from generate_series(1, 3) as n')])
    expect(answers['borrowed']?.[0]?.rows).toHaveLength(3)
    expect(texts('failed')).toEqual([shown('select 1 / 0')])
    expect(answers['failed']?.[0]?.rows).toEqual([{ code: '22012' }])
    expect(ended).toBe(seen.length)
    const portIn = (region: string): number => Number(new URL(world.url(region, { from: 'ord' })).port)
    expect(of('written').map(({ port }) => port)).toEqual([portIn('nrt')])
  },
)

test('dd-trace adds its comment to what is sent', async () => {
  const { answers } = await runUnder('dd-trace')
  expect(answers['many']?.[0]?.rows[0]?.['text']).toContain('/*ddd')
})
