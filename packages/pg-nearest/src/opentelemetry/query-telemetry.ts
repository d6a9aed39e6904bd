import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import {
  context,
  SpanKind,
  SpanStatusCode,
  trace as traces,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api'
import { messageOf } from '../driver-errors.ts'
import { isNearestError } from '../errors.ts'
import type { QueryTrace } from '../events/diagnostics-channels.ts'
import type { PublicAddress } from '../servers/public-addresses.ts'
import { attemptsOf, outcomeAttributes, SYSTEM } from './attributes.ts'
import { createDescriptions } from './described-statement.ts'
import type { QueryInstruments } from './query-instruments.ts'

const CHANNEL = 'tracing:pg-nearest:query'

export interface QueryTelemetryOptions {
  readonly pool: object
  readonly addresses: ReadonlyMap<string, PublicAddress>
  readonly tracer: Tracer
  readonly instruments: QueryInstruments
  readonly statementText: boolean | undefined
}

interface Started {
  readonly span: Span
  readonly context: Context
}

/**
 * Records a span and measurements for each statement from now on. Returns a function that stops it; statements in flight are still
 * recorded.
 */
export function startQueryTelemetry(options: QueryTelemetryOptions): () => void {
  const { pool, addresses, tracer, instruments, statementText } = options
  const describe = createDescriptions()
  const namespace = commonNamespace(addresses)
  const underWay = new Map<object, Started>()
  let stopped = false

  const onStart = (message: unknown): void => {
    const query = message as QueryTrace
    if (query.pool !== pool) return
    const { summary, bare } = describe(query.text)
    const parent = context.active()
    const span = tracer.startSpan(
      summary ?? 'postgresql',
      {
        kind: SpanKind.CLIENT,
        attributes: {
          ...SYSTEM,
          ...(namespace === undefined ? {} : { 'db.namespace': namespace }),
          ...(summary === undefined ? {} : { 'db.query.summary': summary }),
          ...((statementText ?? (bare || query.parameters > 0)) ? { 'db.query.text': query.text } : {}),
        },
      },
      parent,
    )
    underWay.set(query, { span, context: traces.setSpan(parent, span) })
  }

  const onEnd = (message: unknown): void => {
    const query = message as QueryTrace
    const started = underWay.get(query)
    if (started === undefined) return
    underWay.delete(query)
    const attributes = outcomeAttributes(query, addresses)
    instruments.record(query, attributes, started.context)
    endSpan(started.span, query, attributes)
    if (stopped && underWay.size === 0) unsubscribeEnd()
  }

  const unsubscribeEnd = (): void => {
    for (const end of ENDS) unsubscribe(`${CHANNEL}:${end}`, onEnd)
  }

  subscribe(`${CHANNEL}:start`, onStart)
  for (const end of ENDS) subscribe(`${CHANNEL}:${end}`, onEnd)
  return () => {
    if (stopped) return
    stopped = true
    unsubscribe(`${CHANNEL}:start`, onStart)
    if (underWay.size === 0) unsubscribeEnd()
  }
}

/** A statement that fails synchronously has no `asyncEnd`. */
const ENDS = ['error', 'asyncEnd'] as const

function endSpan(span: Span, query: QueryTrace, attributes: ReturnType<typeof outcomeAttributes>): void {
  const { servedBy, error } = query
  const attempts = attemptsOf(query)
  span.setAttributes({
    ...attributes,
    ...(servedBy === undefined ? {} : { 'pg_nearest.reason': servedBy.reason }),
    ...(attempts === undefined ? {} : { 'pg_nearest.attempts': attempts }),
  })
  if (error !== undefined) {
    // PostgreSQL's messages may quote the statement's values; those of this package never do.
    const message = isNearestError(error) ? { message: messageOf(error) } : {}
    span.setStatus({ code: SpanStatusCode.ERROR, ...message })
  }
  span.end()
}

function commonNamespace(addresses: ReadonlyMap<string, PublicAddress>): string | undefined {
  const databases = new Set([...addresses.values()].map(({ database }) => database))
  return databases.size === 1 ? [...databases][0] : undefined
}
