import type { Attributes, Context, Meter } from '@opentelemetry/api'
import type { QueryTrace } from '../events/diagnostics-channels.ts'
import { attemptsOf, SYSTEM } from './attributes.ts'

/** What is measured with each statement. */
export interface QueryInstruments {
  record(query: QueryTrace, attributes: Attributes, context: Context): void
}

/** Seconds, as the conventions advise. */
const BOUNDARIES = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

export function createQueryInstruments(meter: Meter): QueryInstruments {
  const duration = meter.createHistogram('db.client.operation.duration', {
    description: 'Duration of database client operations.',
    unit: 's',
    advice: { explicitBucketBoundaries: BOUNDARIES },
  })
  const routes = meter.createCounter('pg_nearest.routes', {
    description: 'Statements that were served, by the server and the reason why it was that one.',
    unit: '{statement}',
  })
  const retries = meter.createCounter('pg_nearest.retries', {
    description: 'Servers that were tried beyond the first one for a statement.',
    unit: '{attempt}',
  })
  return {
    record(query, attributes, context) {
      const { servedBy, durationMs = 0 } = query
      duration.record(durationMs / 1_000, { ...SYSTEM, ...attributes }, context)
      if (servedBy !== undefined) {
        const { server, region, role, reason } = servedBy
        routes.add(
          1,
          {
            'pg_nearest.server': server,
            'pg_nearest.role': role,
            'pg_nearest.reason': reason,
            ...(region === undefined ? {} : { 'pg_nearest.region': region }),
          },
          context,
        )
      }
      const more = (attemptsOf(query) ?? 0) - 1
      if (more > 0) {
        retries.add(more, servedBy === undefined ? {} : { 'pg_nearest.server': servedBy.server }, context)
      }
    },
  }
}
