import type { Refusable } from '../limits/refusable.ts'
import { onAbort } from '../limits/on-abort.ts'
import type { Waiting, WaitingCaller } from './next-lending.ts'

/** What a connection is taken for: one statement of `pool.query`, or a borrowed client. */
export type Purpose = 'statement' | 'client'

/** A caller waiting for a connection. Settled exactly once, and removed from the queue in the same tick. */
export interface Waiter<T> extends WaitingCaller, Refusable {
  readonly purpose: Purpose
  /** It need not wait for a server that does not answer: another one can be asked instead. */
  readonly mayMove: boolean
  overtaken: number
  /** Returns whether it was taken: a waiter that has left the queue takes nothing. */
  give(value: T): boolean
}

/** What a waiter is refused with who shares a connection instead. */
export const SHARES: unique symbol = Symbol('shares a connection')

/**
 * Who may share a connection that is in use: all; those alone who have waited longer than the first who needs his own; or nobody, because it
 * is his turn.
 */
export type Sharers = 'all' | 'first' | 'nobody'

export interface Wanted {
  readonly purpose: Purpose
  /** Asked again whenever there is a connection. `undefined`: all are equal to it. */
  readonly preference?: WaitingCaller['preference']
  /** Another server can be asked instead, if this one does not accept a connection. Default false. */
  readonly mayMove?: boolean | undefined
  /** Shares a connection with others instead, if it can: the wait ends with {@link SHARES} then. Asked at most once, when there is room on one. */
  readonly share?: (() => boolean) | undefined
  /** Called when it has to wait, with what it can leave the queue by: cheaper than a signal of its own. */
  readonly onWait?: ((waiter: Refusable) => void) | undefined
}

/** One object instead of several closures, and its own place in the queue, because a set is measurable on short reads. */
class QueuedWaiter<T> implements Waiter<T> {
  readonly purpose: Purpose
  readonly preference: WaitingCaller['preference']
  readonly mayMove: boolean
  share: (() => boolean) | undefined
  readonly since: number = performance.now()
  overtaken = 0
  timer: NodeJS.Timeout | undefined
  forget: (() => void) | undefined
  ahead: QueuedWaiter<T> | undefined
  behind: QueuedWaiter<T> | undefined
  #waits = true
  readonly #onLeave: (waiter: QueuedWaiter<T>) => void
  readonly #resolve: (value: T) => void
  readonly #reject: (error: unknown) => void

  constructor(
    { purpose, preference, mayMove = false, share }: Wanted,
    onLeave: (waiter: QueuedWaiter<T>) => void,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ) {
    this.purpose = purpose
    this.preference = preference
    this.mayMove = mayMove
    this.share = share
    this.#onLeave = onLeave
    this.#resolve = resolve
    this.#reject = reject
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
    if (!this.#waits) return false
    this.#waits = false
    clearTimeout(this.timer)
    this.forget?.()
    this.#onLeave(this)
    return true
  }
}

/** A first-come, first-served queue. A waiter that times out or is aborted is removed at once. */
export class WaitQueue<T> implements Waiting<Waiter<T>> {
  #first: QueuedWaiter<T> | undefined
  #last: QueuedWaiter<T> | undefined
  #size = 0
  #sharers = 0

  get size(): number {
    return this.#size
  }

  /** @param coming - how many connections are being made. */
  sharers(coming: number): Sharers {
    if (this.#size - this.#sharers <= coming) return 'all'
    return this.#first?.share === undefined ? 'nobody' : 'first'
  }

  /** The one that has waited longest. */
  get first(): Waiter<T> | undefined {
    return this.#first
  }

  /** Those who wait now, in the order of coming. They may leave meanwhile. */
  [Symbol.iterator](): Iterator<Waiter<T>> {
    const waiters: Waiter<T>[] = []
    for (let waiter = this.#first; waiter !== undefined; waiter = waiter.behind) waiters.push(waiter)
    return waiters.values()
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
      const waiter = new QueuedWaiter<T>(wanted, this.#leave, resolve, reject)
      this.#join(waiter)
      if (timeoutMs !== undefined) waiter.timer = setTimeout(() => waiter.refuse(timedOut()), timeoutMs)
      if (signal !== undefined) waiter.forget = onAbort(signal, () => waiter.refuse(signal.reason))
      wanted.onWait?.(waiter)
    })
  }

  /**
   * Refuses the first of those who have waited for long enough.
   *
   * @param most - how many of them at most; at least one
   * @param since - when they began to wait at the latest; by `performance.now()`
   */
  refuseFirst(error: unknown, most: number, since: number = Number.POSITIVE_INFINITY): void {
    for (const waiter of [...this].slice(0, Math.max(1, most))) if (waiter.since <= since) waiter.refuse(error)
  }

  refuseAll(error: unknown): void {
    for (const waiter of this) waiter.refuse(error)
  }

  /**
   * Lets those go, in their order, who share a connection instead, as long as there is room on one.
   *
   * @param coming - how many connections are being made.
   */
  share(hasRoom: () => boolean, coming: number): void {
    const past = this.sharers(coming) === 'all'
    let waiter = this.#first
    while (this.#sharers > 0 && waiter !== undefined && hasRoom()) {
      const { share, behind } = waiter
      if (share === undefined) {
        if (!past) return
      } else {
        waiter.share = undefined
        this.#sharers--
        if (share()) waiter.refuse(SHARES)
      }
      waiter = behind
    }
  }

  #join(waiter: QueuedWaiter<T>): void {
    const last = this.#last
    waiter.ahead = last
    if (last === undefined) this.#first = waiter
    else last.behind = waiter
    this.#last = waiter
    this.#size++
    if (waiter.share !== undefined) this.#sharers++
  }

  readonly #leave = (waiter: QueuedWaiter<T>): void => {
    const { ahead, behind } = waiter
    if (ahead === undefined) this.#first = behind
    else ahead.behind = behind
    if (behind === undefined) this.#last = ahead
    else behind.ahead = ahead
    // An old one that is garbage would keep all that came behind it until the old are collected.
    waiter.ahead = waiter.behind = undefined
    this.#size--
    if (waiter.share === undefined) return
    waiter.share = undefined
    this.#sharers--
  }
}
