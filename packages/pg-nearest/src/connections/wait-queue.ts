import { onAbort } from '../limits/on-abort.ts'

/** What a connection is taken for: one statement of `pool.query`, or a borrowed client. */
export type Purpose = 'statement' | 'client'

/** Of the machines behind one name, those that a caller would rather have. */
export interface Preference {
  suits(machine: string): boolean
  /** A new connection, which may lead to one of them, is better than one that leads elsewhere. */
  readonly insists: boolean
}

/** A caller waiting for a connection. Settled exactly once, and removed from the queue in the same tick. */
export interface Waiter<T> {
  readonly purpose: Purpose
  /** `undefined`: all are equal to it. */
  readonly preference: Preference | undefined
  /** By `performance.now()`. */
  readonly since: number
  /** Returns whether it was taken: a waiter that has left the queue takes nothing. */
  give(value: T): boolean
  refuse(error: unknown): void
}

export interface Wanted {
  readonly purpose: Purpose
  readonly preference?: Preference | undefined
}

/** One object instead of several closures, because that is measurable on short reads. */
class QueuedWaiter<T> implements Waiter<T> {
  readonly purpose: Purpose
  readonly preference: Preference | undefined
  readonly since: number = performance.now()
  timer: NodeJS.Timeout | undefined
  forget: (() => void) | undefined
  readonly #queue: Set<Waiter<T>>
  readonly #resolve: (value: T) => void
  readonly #reject: (error: unknown) => void

  constructor(
    { purpose, preference }: Wanted,
    queue: Set<Waiter<T>>,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ) {
    this.purpose = purpose
    this.preference = preference
    this.#queue = queue
    this.#resolve = resolve
    this.#reject = reject
    queue.add(this)
  }

  give(value: T): boolean {
    const waits = this.#leave()
    if (waits) this.#resolve(value)
    return waits
  }

  refuse(error: unknown): void {
    if (this.#leave()) this.#reject(error)
  }

  #leave(): boolean {
    clearTimeout(this.timer)
    this.forget?.()
    return this.#queue.delete(this)
  }
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
    wanted: Wanted,
    timeoutMs: number | undefined,
    timedOut: () => unknown,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiter = new QueuedWaiter<T>(wanted, this.#waiters, resolve, reject)
      if (timeoutMs !== undefined) waiter.timer = setTimeout(() => waiter.refuse(timedOut()), timeoutMs)
      if (signal !== undefined) waiter.forget = onAbort(signal, () => waiter.refuse(signal.reason))
    })
  }

  /** Gives the waiters, in their order, what is there. */
  serve(take: (purpose: Purpose) => (T & { release(): void }) | undefined): void {
    for (let waiter = this.first; waiter !== undefined; waiter = this.first) {
      const value = take(waiter.purpose)
      if (value === undefined) return
      if (!waiter.give(value)) value.release()
    }
  }

  refuseAll(error: unknown): void {
    for (const waiter of this.#waiters) waiter.refuse(error)
  }

  [Symbol.iterator](): Iterator<Waiter<T>> {
    return this.#waiters.values()
  }
}
