import type { DashboardEvent } from 'pg-nearest-page'
import type { QueryEvent } from '../events/event-types.ts'
import { createLatencyHistogram, type LatencyHistogram } from './latency-histogram.ts'

type SecondEvent = Extract<DashboardEvent, { type: 'second' }>

/** Counts statements, and keeps none. */
export interface QueryTally {
  add(event: QueryEvent): void
  /** What ran since the last call. */
  take(at: number): SecondEvent
}

/** Servers that are told apart in a second; what more there are is counted, but not shown. */
const MOST_SERVERS = 50

export function createQueryTally(): QueryTally {
  const reasons = new Map<string, number>()
  let servers = new Map<string, LatencyHistogram>()
  let all = createLatencyHistogram()
  let failed = 0
  return {
    add({ servedBy, durationMs }) {
      all.add(durationMs)
      if (servedBy === undefined) {
        failed++
        return
      }
      const { server, reason } = servedBy
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
      const known = servers.get(server)
      if (known !== undefined) known.add(durationMs)
      else if (servers.size < MOST_SERVERS) servers.set(server, histogramOf(durationMs))
    },
    take(at) {
      const event: SecondEvent = {
        type: 'second',
        second: { at, statements: all.count, failed, median: all.quantile(0.5), p99: all.quantile(0.99) },
        reasons: Object.fromEntries(reasons),
        latency: [...servers].map(([server, took]) => ({
          server,
          statements: took.count,
          median: took.quantile(0.5),
          p99: took.quantile(0.99),
        })),
      }
      servers = new Map()
      all = createLatencyHistogram()
      failed = 0
      return event
    },
  }
}

function histogramOf(ms: number): LatencyHistogram {
  const histogram = createLatencyHistogram()
  histogram.add(ms)
  return histogram
}
