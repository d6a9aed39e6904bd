/** A statement of a borrowed client, in its turn. */
export interface Turn {
  /** It may be sent behind others that have not been answered yet. */
  readonly travels: boolean
  /** Begins it; resolves, and never rejects, when it has ended, with what hands its outcome to the caller. */
  start(): Promise<() => void>
}

/**
 * The statements of one client, in the order in which they are given: one at a time, except that those that travel are
 * sent right behind each other where `together` allows it.
 */
export class Turns<T extends Turn> {
  readonly #together: () => boolean
  readonly #waiting: T[] = []
  #flying = 0
  /** What was begun last travels, so that another may follow it. */
  #followable = false
  #onIdle: (() => void)[] = []

  constructor(together: () => boolean) {
    this.#together = together
  }

  take(turn: T): void {
    this.#waiting.push(turn)
    this.#go()
  }

  /** Takes the next one out of the line, for whoever is begun to carry it along. */
  carry(wanted: (turn: T) => boolean): T | undefined {
    const [next] = this.#waiting
    return next !== undefined && wanted(next) ? this.#waiting.shift() : undefined
  }

  /** Resolves when nothing waits and nothing runs; at once, if so it is. */
  idle(callback: () => void): void {
    if (this.#flying === 0 && this.#waiting.length === 0) callback()
    else this.#onIdle.push(callback)
  }

  #go(): void {
    while (this.#flying === 0 || (this.#followable && this.#waiting[0]?.travels === true && this.#together())) {
      const turn = this.#waiting.shift()
      if (turn === undefined) break
      this.#flying++
      this.#followable = turn.travels
      void turn.start().then((deliver) => {
        this.#flying--
        deliver()
        this.#go()
      })
    }
    if (this.#flying === 0 && this.#waiting.length === 0) for (const callback of this.#onIdle.splice(0)) callback()
  }
}
