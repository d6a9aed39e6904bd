import { AsyncLocalStorage } from 'node:async_hooks'
import type { QueryEvent } from '../events/event-types.ts'
import type { TripCounter } from './trip-counter.ts'

/** What is needed of the pool that `createPool` returns. */
export interface ObservedPool {
  on(event: 'query', listener: (event: QueryEvent) => void): unknown
}

const counting = new AsyncLocalStorage<ReadonlyMap<ObservedPool, TripCounter>>()
const observed = new WeakSet<ObservedPool>()

/** Runs `work`; what it, and everything that it starts, waits for on the primary, is counted. */
export function runCounted<T>(pool: ObservedPool, counter: TripCounter, work: () => T): T {
  if (!observed.has(pool)) {
    observed.add(pool)
    // One for all requests. Listeners run in the caller's async context.
    pool.on('query', (event) => note(counting.getStore()?.get(pool), event))
  }
  return counting.run(new Map([...(counting.getStore() ?? []), [pool, counter]]), work)
}

function note(counter: TripCounter | undefined, { servedBy, durationMs }: QueryEvent): void {
  // An answer without an attempt, as to BEGIN, was not waited for.
  if (counter === undefined || servedBy?.role !== 'primary' || servedBy.attempts === 0) return
  const now = performance.now()
  counter.note(now - durationMs, now)
}
