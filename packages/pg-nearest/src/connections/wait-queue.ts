import { onAbort } from '../limits/on-abort.ts'

/** What a connection is taken for: one statement of the pool's, or a borrowed client. */
export type Purpose = 'statement' | 'client'

/** Somebody who waits for a connection. Each is settled exactly once, and is out of the queue in the same turn. */
export interface Waiter<T> {
  readonly purpose: Purpose
  /** By `performance.now()`. */
  readonly since: number
  give(value: T): void
  refuse(error: unknown): void
}

/** Those who wait for something, first come, first served. Whoever does not want it any more leaves no trace. */
export class WaitQueue<T> {
  readonly #waiters = new Set<Waiter<T>>()

  get size(): number {
    return this.#waiters.size
  }

  /** Who waits longest. */
  get first(): Waiter<T> | undefined {
    for (const waiter of this.#waiters) return waiter
    return undefined
  }

  /**
   * @param timeoutMs - how long at most; `undefined`: no bound.
   * @throws the signal's reason when it is aborted, `timedOut()` when the time is over, and what it is refused with.
   */
  wait(
    purpose: Purpose,
    timeoutMs: number | undefined,
    timedOut: () => unknown,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const leave = (): boolean => {
        clearTimeout(timer)
        forget?.()
        return this.#waiters.delete(waiter)
      }
      const waiter: Waiter<T> = {
        purpose,
        since: performance.now(),
        give: (value) => {
          if (leave()) resolve(value)
        },
        refuse: (error) => {
          if (leave()) reject(error)
        },
      }
      this.#waiters.add(waiter)
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => waiter.refuse(timedOut()), timeoutMs)
      const forget = signal === undefined ? undefined : onAbort(signal, () => waiter.refuse(signal.reason))
    })
  }

  refuseAll(error: unknown): void {
    for (const waiter of this.#waiters) waiter.refuse(error)
  }

  [Symbol.iterator](): Iterator<Waiter<T>> {
    return this.#waiters.values()
  }
}
