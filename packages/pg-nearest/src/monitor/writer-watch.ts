import { hasWriter, writeOrder } from '../topology/selection.ts'
import type { Topology } from '../topology/topology.ts'

/** Waits for somebody who takes writes. */
export interface WriterWatch {
  /** Resolves with `true` once one has said so after `since`, with `false` when the time is over. */
  after(now: Topology, since: number, withinMs: number, signal: AbortSignal | undefined): Promise<boolean>
  /** There is a new snapshot. */
  tell(topology: Topology): void
  /** Nobody need wait any longer. */
  stop(): void
}

export function createWriterWatch(): WriterWatch {
  const waiting = new Set<{ readonly since: number; done(found: boolean): void }>()
  return {
    after: (now, since, withinMs, signal) =>
      new Promise((resolve) => {
        if (isThere(now, since)) return resolve(true)
        if (signal?.aborted === true || withinMs <= 0) return resolve(false)
        const done = (found: boolean): void => {
          waiting.delete(waiter)
          clearTimeout(timer)
          signal?.removeEventListener('abort', giveUp)
          resolve(found)
        }
        const giveUp = (): void => done(false)
        const waiter = { since, done }
        const timer = setTimeout(giveUp, withinMs)
        signal?.addEventListener('abort', giveUp)
        waiting.add(waiter)
      }),
    tell(topology) {
      for (const { since, done } of waiting) if (isThere(topology, since)) done(true)
    },
    stop() {
      for (const { done } of waiting) done(false)
    },
  }
}

function isThere(topology: Topology, since: number): boolean {
  const [writer] = writeOrder(topology)
  return hasWriter(topology) && (writer?.lastSeenAt ?? 0) > since
}
