import { setTimeout as sleep } from 'node:timers/promises'
import type { AwaitedPosition } from '../probe/wait-for-lsn-sql.ts'

/** Waits for servers to reach positions, with one query at a time to each server, however many callers wait. */
export interface PositionWatch {
  /**
   * Resolves with `true` when the server has reached it; with `false` after `withinMs`, or when the server fails or is not watched
   * any more.
   */
  reached(server: string, lsn: bigint, withinMs: number): Promise<boolean>
  /** The name belongs to another server now, or to none. */
  forget(server: string): void
  /** Settles all waiters with `false`, now and from now on. */
  stop(): void
}

export interface PositionWatchOptions {
  /** The server's current position; it may answer when it has reached what is awaited. Rejects if it cannot be asked. */
  readonly ask: (server: string, awaited: AwaitedPosition) => Promise<bigint | undefined>
}

interface Waiter {
  readonly lsn: bigint
  /** By `performance.now()`. */
  readonly until: number
  readonly settle: (reached: boolean) => void
}

/** The pause between two queries: a timer's resolution. */
const PAUSE_MS = 1

export function createPositionWatch({ ask }: PositionWatchOptions): PositionWatch {
  const waiting = new Map<string, Set<Waiter>>()
  let stopped = false

  /** Runs while there are waiters. The next round considers those that were added meanwhile. */
  const watch = async (server: string, waiters: Set<Waiter>): Promise<void> => {
    try {
      while (waiters.size > 0) {
        // oxlint-disable-next-line no-await-in-loop -- one query after the other is the point
        const lsn = await ask(server, nextOf(waiters))
        for (const waiter of waiters) if (lsn !== undefined && waiter.lsn <= lsn) waiter.settle(true)
        // oxlint-disable-next-line no-await-in-loop -- as above
        if (waiters.size > 0) await sleep(PAUSE_MS)
      }
    } catch {
      release(waiters)
    } finally {
      // Nothing was awaited since the set was last checked, so no waiter can have been added.
      if (waiting.get(server) === waiters) waiting.delete(server)
    }
  }

  const forget = (server: string): void => {
    const waiters = waiting.get(server)
    waiting.delete(server)
    if (waiters !== undefined) release(waiters)
  }

  return {
    reached: (server, lsn, withinMs) =>
      new Promise((resolve) => {
        if (stopped) return resolve(false)
        const known = waiting.get(server)
        const waiters = known ?? new Set<Waiter>()
        const timer = setTimeout(() => waiter.settle(false), withinMs)
        const waiter: Waiter = {
          lsn,
          until: performance.now() + withinMs,
          settle(reached) {
            waiters.delete(waiter)
            clearTimeout(timer)
            resolve(reached)
          },
        }
        waiters.add(waiter)
        if (known !== undefined) return
        waiting.set(server, waiters)
        void watch(server, waiters)
      }),
    forget,
    stop() {
      stopped = true
      for (const server of waiting.keys()) forget(server)
    },
  }
}

/** The lowest position that is awaited. */
function nextOf(waiters: ReadonlySet<Waiter>): AwaitedPosition {
  const { lsn, until } = [...waiters].reduce((lowest, each) => (each.lsn < lowest.lsn ? each : lowest))
  return { lsn, withinMs: until - performance.now() }
}

function release(waiters: ReadonlySet<Waiter>): void {
  for (const { settle } of waiters) settle(false)
}
