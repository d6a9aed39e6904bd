import { AsyncLocalStorage } from 'node:async_hooks'
import type { QueryEvent } from '../events/event-types.ts'
import type { TripCounter } from './trip-counter.ts'

/** What is needed of the pool that `createPool` returns. */
export interface ObservedPool {
  on(event: 'query', listener: (event: QueryEvent) => void): unknown
}

const counting = new AsyncLocalStorage<ReadonlyMap<ObservedPool, readonly TripCounter[]>>()
const observed = new WeakSet<ObservedPool>()

/** Runs `work`; what it, and everything that it starts, waits for on the primary, is counted. */
export function runCounted<T>(pool: ObservedPool, counter: TripCounter, work: () => T): T {
  if (!observed.has(pool)) {
    observed.add(pool)
    // One for all requests. Listeners run in the caller's async context.
    pool.on('query', (event) => note(counting.getStore()?.get(pool) ?? [], event))
  }
  const enclosing = counting.getStore()
  return counting.run(new Map([...(enclosing ?? []), [pool, [...(enclosing?.get(pool) ?? []), counter]]]), work)
}

function note(counters: readonly TripCounter[], { servedBy, durationMs }: QueryEvent): void {
  // An answer without an attempt, as to BEGIN, was not waited for.
  if (servedBy?.role !== 'primary' || servedBy.attempts === 0) return
  const now = performance.now()
  for (const counter of counters) counter.note(now - durationMs, now)
}
