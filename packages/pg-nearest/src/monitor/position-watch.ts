import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for servers to reach positions: one question at a time to each server, however many wait. */
export interface PositionWatch {
  /** Resolves with `true` once the server was seen there, with `false` when the time is over or the server fails. */
  reached(server: string, lsn: bigint, withinMs: number): Promise<boolean>
}

export interface PositionWatchOptions {
  /** Where the server is now; rejects when it cannot be asked. */
  readonly ask: (server: string) => Promise<bigint | undefined>
}

interface Waiter {
  readonly lsn: bigint
  readonly timer: NodeJS.Timeout
  readonly done: (reached: boolean) => void
}

/** Between two questions, in milliseconds: a timer's resolution. */
const PAUSE_MS = 1

export function createPositionWatch({ ask }: PositionWatchOptions): PositionWatch {
  const waiting = new Map<string, Set<Waiter>>()

  const release = (waiters: Set<Waiter>, reached: boolean, of: (waiter: Waiter) => boolean): void => {
    for (const waiter of waiters) {
      if (!of(waiter)) continue
      waiters.delete(waiter)
      clearTimeout(waiter.timer)
      waiter.done(reached)
    }
  }

  /** Runs as long as somebody waits. Whoever comes while it runs is seen by its next turn. */
  const watch = async (server: string, waiters: Set<Waiter>): Promise<void> => {
    try {
      while (waiters.size > 0) {
        // oxlint-disable-next-line no-await-in-loop -- one question after the other is the point
        const lsn = await ask(server)
        if (lsn !== undefined) release(waiters, true, (waiter) => waiter.lsn <= lsn)
        // oxlint-disable-next-line no-await-in-loop -- as above
        if (waiters.size > 0) await sleep(PAUSE_MS)
      }
    } catch {
      release(waiters, false, () => true)
    } finally {
      // Nothing was awaited since the last look at the set: nobody can have come in between.
      waiting.delete(server)
    }
  }

  return {
    reached: (server, lsn, withinMs) =>
      new Promise((resolve) => {
        let waiters = waiting.get(server)
        const first = waiters === undefined
        if (waiters === undefined) waiting.set(server, (waiters = new Set()))
        const mine = waiters
        const timer = setTimeout(() => {
          mine.delete(waiter)
          resolve(false)
        }, withinMs)
        const waiter: Waiter = { lsn, timer, done: resolve }
        mine.add(waiter)
        if (first) void watch(server, mine)
      }),
  }
}
