import type { QueuedStatement, Serving } from '../client-state/queued-statement.ts'

/** An entry of the queue. */
export interface Turn {
  /** It may be sent before those ahead of it are answered. */
  readonly pipelined: boolean
  /** Others may be sent before it is answered, because it does not end a transaction. */
  readonly followable: boolean
  /** Called once, when it stops waiting: it is started, is sent together with another, or was removed. */
  onLeft?(): void
  /** Runs it. Resolves, and never rejects, when it has ended, with a function that hands its outcome to the caller. */
  start(): Promise<() => void>
}

/**
 * Runs the statements of one client in order: one at a time, but those that may be pipelined right behind each other while
 * `together` allows it.
 */
export class StatementQueue<T extends Turn> {
  readonly #together: () => boolean
  readonly #waiting: T[] = []
  /** The running statements, in order. Each gets, when it has ended, a function that hands over its outcome. */
  readonly #running: { deliver: (() => void) | undefined }[] = []
  /** Another statement may start behind the latest one. */
  #followable = false
  #delivering = false
  #onIdle: (() => void)[] = []

  constructor(together: () => boolean) {
    this.#together = together
  }

  add(turn: T): void {
    this.#waiting.push(turn)
    this.#go()
  }

  /** What is added waits until the returned function is called, once. To be called while it is idle. */
  occupy(): () => void {
    const run: { deliver: (() => void) | undefined } = { deliver: undefined }
    this.#running.push(run)
    this.#followable = false
    return () => {
      run.deliver = nothing
      this.#deliver()
      this.#go()
    }
  }

  /** Removes the next entry if the predicate accepts it. */
  takeNext(wanted: (turn: T) => boolean): T | undefined {
    const [next] = this.#waiting
    return next !== undefined && wanted(next) ? this.#next() : undefined
  }

  has(turn: T): boolean {
    return this.#waiting.includes(turn)
  }

  /** Those whose turn comes before that of this one, which waits. */
  ahead(turn: T): readonly T[] {
    return this.#waiting.slice(0, this.#waiting.indexOf(turn))
  }

  /** Removes an entry that is still waiting, so that it never runs. Returns whether it was. */
  remove(turn: T): boolean {
    const at = this.#waiting.indexOf(turn)
    if (at < 0) return false
    this.#waiting.splice(at, 1)
    turn.onLeft?.()
    this.#go()
    return true
  }

  #next(): T | undefined {
    const next = this.#waiting.shift()
    next?.onLeft?.()
    return next
  }

  /** Calls back when nothing waits or runs; at once if that is so already. */
  whenIdle(callback: () => void): void {
    if (this.isIdle) callback()
    else this.#onIdle.push(callback)
  }

  /** Nothing waits or runs. */
  get isIdle(): boolean {
    return this.#running.length === 0 && this.#waiting.length === 0
  }

  #go(): void {
    while (
      this.#running.length === 0 ||
      (this.#followable && this.#waiting[0]?.pipelined === true && this.#together())
    ) {
      const turn = this.#next()
      if (turn === undefined) break
      const run: { deliver: (() => void) | undefined } = { deliver: undefined }
      this.#running.push(run)
      this.#followable = turn.followable
      void turn.start().then((deliver) => {
        run.deliver = deliver
        this.#deliver()
        this.#go()
      })
    }
    if (this.isIdle) for (const callback of this.#onIdle.splice(0)) callback()
  }

  /**
   * In the order in which they were given, whichever ended first; each in a turn of its own, so that whoever awaits one hears of it
   * before the callback of the next one is called.
   */
  #deliver(): void {
    const deliver = this.#running[0]?.deliver
    if (deliver === undefined || this.#delivering) return
    this.#running.shift()
    deliver()
    if (this.#running.length === 0) return
    this.#delivering = true
    process.nextTick(() => {
      this.#delivering = false
      this.#deliver()
      this.#go()
    })
  }
}

/** Resolves, when the work has ended, with a function that hands its outcome to the caller. */
export function delivering(
  work: Promise<Serving>,
  statement: Pick<QueuedStatement, 'settle' | 'fail'>,
): Promise<() => void> {
  return work.then(
    (serving) => () => statement.settle(serving),
    (error: unknown) => () => statement.fail(error),
  )
}

function nothing(): void {}
