import { onAbort } from '../limits/on-abort.ts'
import { writerIn } from '../server-selection/server-selection.ts'
import type { Topology } from '../topology/topology-types.ts'

/** Callers waiting for a server that takes writes. */
export interface WriterWaiters {
  /**
   * Resolves with `true` when a server has said, after `since`, that it takes writes; with `false` after `withinMs`, on abort, and
   * on `stop`.
   */
  after(now: Topology, since: number, withinMs: number, signal: AbortSignal | undefined): Promise<boolean>
  /** How many there are. */
  readonly size: number
  /** There is a new snapshot. */
  update(topology: Topology): void
  /** Settles all waiters with `false`, now and from now on. */
  stop(): void
}

interface Waiter {
  readonly since: number
  readonly settle: (found: boolean) => void
}

export function createWriterWaiters(): WriterWaiters {
  const waiting = new Set<Waiter>()
  let stopped = false
  return {
    get size() {
      return waiting.size
    },
    after: (now, since, withinMs, signal) =>
      new Promise((resolve) => {
        if (stopped) return resolve(false)
        if (signal?.aborted === true || withinMs <= 0) return resolve(false)
        if (isThere(now, since)) return resolve(true)
        const giveUp = (): void => waiter.settle(false)
        const timer = setTimeout(giveUp, withinMs)
        const waiter: Waiter = {
          since,
          settle(found) {
            waiting.delete(waiter)
            clearTimeout(timer)
            forget?.()
            resolve(found)
          },
        }
        const forget = signal && onAbort(signal, giveUp)
        waiting.add(waiter)
      }),
    update(topology) {
      for (const { since, settle } of waiting) if (isThere(topology, since)) settle(true)
    },
    stop() {
      stopped = true
      for (const { settle } of waiting) settle(false)
    },
  }
}

function isThere(topology: Topology, since: number): boolean {
  return (writerIn(topology)?.lastSeenAt ?? 0) > since
}
