import { createRequire } from 'node:module'
import { context, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { Collector } from './telemetry-collector.ts'
import { rejectionOf, running } from './settling.ts'
import { inSomeTry } from './in-some-try.ts'
import { TestPools } from './test-pools.ts'

let world: World
let collector: Collector
const own = pg.Client.prototype.query
const instrumentation = new PgInstrumentation({ ignoreConnectSpans: true })
beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await ask(
    world.url('nrt'),
    `create view sharing as select current_query() as text, current_setting('transaction_read_only') as setting;
     create table locked (a int)`,
  )
  await caughtUp(world)
  collector = new Collector()
  instrumentation.setTracerProvider(collector.tracerProvider)
  // Its hook is on `require`, once.
  createRequire(import.meta.url)('pg')
})
afterAll(async () => {
  instrumentation.disable()
  await collector.stop()
  context.disable()
  await world.stop()
})

const pools = new TestPools()
afterEach(() => pools.destroyAll())

interface Shown {
  readonly text: string
  readonly setting: string
}

/** On the primary it tells by itself what was sent, and whether it shares a connection: there it is READ ONLY. */
const SHARED = 'select text, setting from sharing'
const QUOTIENT = 'select setting, 10 / $1::int as q from sharing'

async function start(): Promise<NearestPool> {
  const pool = await pools.start({ ...world.poolOptions('nrt'), lanes: true })
  const comesIn = async (text: string, values: unknown[]): Promise<void> => {
    for (let i = 0; i < 5_000; i++) {
      const { rows } = await pool.query<Shown>(text, values)
      if (rows[0]?.setting === 'on') return
    }
    throw new Error(`Nobody shares ${text}`)
  }
  await comesIn(SHARED, [])
  await comesIn(QUOTIENT, [1])
  return pool
}

/** The spans of what was done in a span. */
async function spansOf(work: () => Promise<unknown>): Promise<readonly ReadableSpan[]> {
  const before = collector.spans.length
  const parent = collector.tracerProvider.getTracer('app').startSpan('request')
  await context.with(trace.setSpan(context.active(), parent), work)
  const spans = collector.spans.slice(before)
  for (const { parentSpanContext } of spans) expect(parentSpanContext?.spanId).toBe(parent.spanContext().spanId)
  return spans
}

function textOf(span: ReadableSpan | undefined): string {
  return String(span?.attributes['db.query.text'] ?? span?.attributes['db.statement'])
}

function isFailed({ status }: ReadableSpan): boolean {
  return status.code === SpanStatusCode.ERROR
}

const TIMES = Array.from({ length: 20 }, (_, i) => i + 1)

test.each([true, false])('reads that share a connection have a span each; with comments: %s', async (comments) => {
  instrumentation.setConfig({ addSqlCommenterCommentToQueries: comments, ignoreConnectSpans: true })
  const pool = await start()
  const read = async (): Promise<Shown | undefined> => (await pool.query<Shown>(SHARED)).rows[0]
  const onClient = async (): Promise<Shown | undefined> => {
    const client = await pool.connect()
    const { rows } = await client.query<Shown>(SHARED)
    client.release()
    return rows[0]
  }
  /** Returns how many shared one. */
  const readAll = async (way: () => Promise<Shown | undefined>): Promise<number> => {
    let shown: (Shown | undefined)[] = []
    const spans = await spansOf(async () => void (shown = await Promise.all(TIMES.map(way))))
    expect(spans.map(textOf)).toEqual(TIMES.map(() => SHARED))
    const ids = spans.map((span) => span.spanContext().spanId)
    const sentIn = shown.map((row) => /-([0-9a-f]{16})-/.exec(row?.text ?? '')?.[1])
    expect(new Set(sentIn)).toEqual(new Set(comments ? ids : [undefined]))
    expect(spans.every(({ status }) => status.code !== SpanStatusCode.ERROR)).toBe(true)
    return shown.filter((row) => row?.setting === 'on').length
  }
  for (const way of [read, onClient]) await inSomeTry(async () => (await readAll(way)) > 15)
})

test('one that fails has one span, which says so, and so have its neighbours, which do not', async () => {
  const pool = await start()
  const spans = await spansOf(async () => {
    const reads = TIMES.map((n) => pool.query<{ q: number }>(QUOTIENT, [n - 1]))
    const ends = await Promise.allSettled(reads)
    expect(ends.map((end) => end.status === 'fulfilled' && end.value.rows[0]?.q)).toEqual(
      TIMES.map((n) => n > 1 && Math.trunc(10 / (n - 1))),
    )
  })
  expect(spans.map(textOf)).toEqual(TIMES.map(() => QUOTIENT))
  expect(spans.filter(isFailed)).toHaveLength(1)
})

test('one that is aborted has a span that ends', async () => {
  const pool = await start()
  for (let i = 0; i < 4; i++) await pool.query('select a from locked')
  const locking = new pg.Client({ connectionString: world.url('nrt') })
  await locking.connect()
  try {
    await locking.query('begin; lock table locked')
    const aborting = new AbortController()
    const reason = new Error('enough')
    const spans = await spansOf(async () => {
      const read = pool.query({ text: 'select a from locked', signal: aborting.signal })
      const rejection = rejectionOf(read, 'the read')
      await running(world.url('nrt'), 'select a from locked')
      aborting.abort(reason)
      expect(await rejection).toBe(reason)
      // One that ran by itself ends when the server has answered, which is later than its caller is told.
      await until(() => collector.spans.some((span) => textOf(span) === 'select a from locked' && isFailed(span)), 'it')
    })
    // Those of the question whether it runs are not ours.
    const ours = spans.filter((span) => !textOf(span).includes('pg_stat_activity'))
    expect(ours.map(textOf)).toEqual(['select a from locked'])
    expect(ours[0]?.status.code).toBe(SpanStatusCode.ERROR)
  } finally {
    await locking.end()
  }
})

test('a tracer that refuses one keeps it from being sent, and one that writes another text is not shared', async () => {
  const pool = await start()
  const instrumented = pg.Client.prototype.query
  onTestFinished(() => void (pg.Client.prototype.query = instrumented))
  const refusal = new Error('It looks like an attack')
  pg.Client.prototype.query = function (this: pg.Client, config: pg.QueryConfig, callback: (error: Error) => void) {
    if (config.values?.[0] === '0') return callback(refusal)
    const text = config.text === SHARED ? `${SHARED} where true` : config.text
    return Reflect.apply(own, this, [{ ...config, text }, callback]) as unknown
  } as typeof own
  const ends = await Promise.allSettled(TIMES.map((n) => pool.query(QUOTIENT, [n - 1])))
  expect(ends[0]).toEqual({ status: 'rejected', reason: refusal })
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(TIMES.length - 1)
  const shown = await Promise.all(TIMES.map(async () => (await pool.query<Shown>(SHARED)).rows[0]))
  expect(shown).toEqual(TIMES.map(() => ({ text: `${SHARED} where true`, setting: 'off' })))
})
