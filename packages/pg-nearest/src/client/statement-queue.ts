/** A statement of a borrowed client, in its turn. */
export interface Turn {
  /** It may be sent behind others that have not been answered yet. */
  readonly pipelined: boolean
  /** Others may be sent behind it before it is answered: it does not end a transaction. */
  readonly followable: boolean
  /** Begins it; resolves, and never rejects, when it has ended, with what hands its outcome to the caller. */
  start(): Promise<() => void>
}

/**
 * The statements of one client, in the order in which they are given: one at a time, except that those that may be pipelined are
 * sent right behind each other where `together` allows it.
 */
export class StatementQueue<T extends Turn> {
  readonly #together: () => boolean
  readonly #waiting: T[] = []
  /** Those that run, in their order; each with what hands over its outcome, once it has ended. */
  readonly #running: { deliver: (() => void) | undefined }[] = []
  /** What was begun last may be followed by another. */
  #followable = false
  #onIdle: (() => void)[] = []

  constructor(together: () => boolean) {
    this.#together = together
  }

  add(turn: T): void {
    this.#waiting.push(turn)
    this.#go()
  }

  /** Takes the next one out of the queue, for whoever is begun to take it along. */
  takeNext(wanted: (turn: T) => boolean): T | undefined {
    const [next] = this.#waiting
    return next !== undefined && wanted(next) ? this.#waiting.shift() : undefined
  }

  /** Calls back when nothing waits and nothing runs; at once, if so it is. */
  whenIdle(callback: () => void): void {
    if (this.#isIdle) callback()
    else this.#onIdle.push(callback)
  }

  get #isIdle(): boolean {
    return this.#running.length === 0 && this.#waiting.length === 0
  }

  #go(): void {
    while (
      this.#running.length === 0 ||
      (this.#followable && this.#waiting[0]?.pipelined === true && this.#together())
    ) {
      const turn = this.#waiting.shift()
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
    if (this.#isIdle) for (const callback of this.#onIdle.splice(0)) callback()
  }

  /** In the order in which they were given, whichever ended first. */
  #deliver(): void {
    for (;;) {
      const deliver = this.#running[0]?.deliver
      if (deliver === undefined) return
      this.#running.shift()
      deliver()
    }
  }
}
