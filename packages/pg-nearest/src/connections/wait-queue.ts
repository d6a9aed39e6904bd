import { onAbort } from '../limits/on-abort.ts'

/** What a connection is taken for: one statement of `pool.query`, or a borrowed client. */
export type Purpose = 'statement' | 'client'

/** A caller waiting for a connection. Settled exactly once, and removed from the queue in the same tick. */
export interface Waiter<T> {
  readonly purpose: Purpose
  /** By `performance.now()`. */
  readonly since: number
  give(value: T): void
  refuse(error: unknown): void
}

/** A first-come, first-served queue. A waiter that times out or is aborted is removed at once. */
export class WaitQueue<T> {
  readonly #waiters = new Set<Waiter<T>>()

  get size(): number {
    return this.#waiters.size
  }

  /** The one that has waited longest. */
  get first(): Waiter<T> | undefined {
    for (const waiter of this.#waiters) return waiter
    return undefined
  }

  /**
   * @param timeoutMs - how long to wait at most; `undefined`: no limit.
   * @throws the signal's reason when it is aborted, `timedOut()` after `timeoutMs`, or the error of `refuse`.
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
