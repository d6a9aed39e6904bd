/**
 * How a login ended. `taken`: the server let it in, or refused it. `late`: the server was reached, and did not get to it in time. `untold`:
 * otherwise, which says nothing of how busy the server is.
 */
export type LoginEnd = 'taken' | 'late' | 'untold'

/** One that is under way. */
export interface Login {
  /** How many others the server has taken since this one began. */
  readonly takenMeanwhile: number
  end(how: LoginEnd): void
}

/**
 * How many logins to one server may be under way at the same time: as many as are wanted until it is late with several, then half as many for each
 * round of them, and one more for each that it takes. A server that is slow at logins spends its time on those that are not waited for any
 * longer otherwise, and takes none in time. As TCP's congestion window (RFC 5681, section 3.1).
 */
export class DialWindow {
  readonly #timeoutMs: number
  #size = Number.POSITIVE_INFINITY
  #logins = 0
  #taken = 0
  #shrunkAt = Number.NEGATIVE_INFINITY
  #endedAt = 0

  /** @param timeoutMs - how long the server has for a login */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** How many more may begin. */
  get room(): number {
    if (this.isLimited && this.#logins === 0 && performance.now() - this.#endedAt >= 2 * this.#timeoutMs)
      this.#size = Number.POSITIVE_INFINITY
    return this.#size - this.#logins
  }

  get isLimited(): boolean {
    return this.#size !== Number.POSITIVE_INFINITY
  }

  begin(): Login {
    const begunAt = performance.now()
    const before = this.#taken
    const takenMeanwhile = (): number => this.#taken - before
    this.#logins++
    return {
      get takenMeanwhile() {
        return takenMeanwhile()
      },
      end: (how) => {
        if (how === 'late') this.#shrink(begunAt, takenMeanwhile())
        this.#logins--
        this.#endedAt = performance.now()
        if (how !== 'taken') return
        this.#taken++
        this.#size++
      },
    }
  }

  /**
   * What began before it shrank last says nothing new, and one alone is not what keeps a server busy. As many as the server has taken in the same
   * time it can take again.
   */
  #shrink(begunAt: number, takenMeanwhile: number): void {
    if (begunAt < this.#shrunkAt || this.#logins === 1) return
    const half = Math.floor(Math.min(this.#size, this.#logins) / 2)
    this.#size = Math.min(this.#size, Math.max(1, half, takenMeanwhile))
    this.#shrunkAt = performance.now()
  }
}
