/**
 * How many connections to one server may be dialled at the same time: as many as are wanted until one is not taken in time, then half as many
 * for each round of dials, and one more for each that connects. A server that takes connections slowly spends its time on those that are not
 * waited for any longer otherwise, and takes none in time. As TCP's congestion window (RFC 5681, section 3.1).
 */
export class DialWindow {
  #size = Number.POSITIVE_INFINITY
  #shrunkAt = Number.NEGATIVE_INFINITY

  get size(): number {
    return this.#size
  }

  /** One has connected. */
  connected(): void {
    this.#size++
  }

  /**
   * The server has not taken one in time. Those that were dialled before the window shrank last say nothing new.
   *
   * @param dialledAt - by `performance.now()`
   * @param dialling - how many were being dialled, with this one
   */
  timedOut(dialledAt: number, dialling: number): void {
    if (dialledAt < this.#shrunkAt) return
    this.#size = Math.max(1, Math.floor(Math.min(this.#size, dialling) / 2))
    this.#shrunkAt = performance.now()
  }
}
