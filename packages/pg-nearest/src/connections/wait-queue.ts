import { onAbort } from '../limits/on-abort.ts'
import type { WaitingCaller } from './next-lending.ts'

/** What a connection is taken for: one statement of `pool.query`, or a borrowed client. */
export type Purpose = 'statement' | 'client'

/** A caller waiting for a connection. Settled exactly once, and removed from the queue in the same tick. */
export interface Waiter<T> extends WaitingCaller {
  readonly purpose: Purpose
  overtaken: number
  /** Returns whether it was taken: a waiter that has left the queue takes nothing. */
  give(value: T): boolean
  refuse(error: unknown): void
}

export interface Wanted {
  readonly purpose: Purpose
  /** `undefined`: all are equal to it. */
  readonly preference?: WaitingCaller['preference']
}

/** One object instead of several closures, because that is measurable on short reads. */
class QueuedWaiter<T> implements Waiter<T> {
  readonly purpose: Purpose
  readonly preference: WaitingCaller['preference']
  readonly since: number = performance.now()
  overtaken = 0
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

  /** In the order of coming. */
  get waiters(): ReadonlySet<Waiter<T>> {
    return this.#waiters
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

  refuseAll(error: unknown): void {
    for (const waiter of this.#waiters) waiter.refuse(error)
  }
}
