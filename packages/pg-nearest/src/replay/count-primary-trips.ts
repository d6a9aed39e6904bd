import { AsyncLocalStorage } from 'node:async_hooks'
import type { QueryEvent } from '../events/event-types.ts'
import type { TripCounter } from './trip-counter.ts'

/** What is needed of the pool that `createPool` returns. */
export interface ObservedPool {
  on(event: 'query', listener: (event: QueryEvent) => void): unknown
}

/** Is told of each statement. */
export type Observer = (event: QueryEvent) => void

const observing = new AsyncLocalStorage<ReadonlyMap<ObservedPool, readonly Observer[]>>()
const observed = new WeakSet<ObservedPool>()

/** Runs `work`; of each statement that it, and everything that it starts, runs on this pool, `observer` is told once. */
export function runObserved<T>(pool: ObservedPool, observer: Observer, work: () => T): T {
  if (!observed.has(pool)) {
    observed.add(pool)
    // One for all requests. Listeners run in the caller's async context.
    pool.on('query', (event) => {
      for (const each of observing.getStore()?.get(pool) ?? []) each(event)
    })
  }
  const enclosing = observing.getStore()
  const others = enclosing?.get(pool) ?? []
  if (others.includes(observer)) return work()
  return observing.run(new Map([...(enclosing ?? []), [pool, [...others, observer]]]), work)
}

/** Runs `work`; what it, and everything that it starts, waits for on the primary, is counted. */
export function runCounted<T>(pool: ObservedPool, counter: TripCounter, work: () => T): T {
  return runObserved(pool, (event) => count(counter, event), work)
}

function count(counter: TripCounter, { servedBy, durationMs }: QueryEvent): void {
  // An answer without an attempt, as to BEGIN, was not waited for.
  if (servedBy?.role !== 'primary' || servedBy.attempts === 0) return
  const now = performance.now()
  counter.note(now - durationMs, now)
}
