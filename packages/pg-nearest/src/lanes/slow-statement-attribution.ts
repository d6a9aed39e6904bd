export interface BlameEvents {
  onCulprit(text: string): void
  /** None was slow by itself: it was the machine, or a plan that only the shared connection has. */
  onNobody(): void
}

/**
 * Which texts of those that were silent together are at fault: those that were slow by themselves, if as many reads were quick as texts
 * were slow. A busy machine makes nobody a culprit. Told as soon as what has not been heard yet can change nothing, because some may never
 * be: they are aborted, or lost.
 */
export class Blame {
  readonly #events: BlameEvents
  readonly #slow = new Set<string>()
  readonly #told = new Set<string>()
  #quick = 0
  #unheard: number

  constructor(reads: number, events: BlameEvents) {
    this.#unheard = reads
    this.#events = events
  }

  /** One of the reads has run by itself; `undefined`: it was not seen whether it is slow. */
  ran(text: string, isSlow: boolean | undefined): void {
    this.#unheard--
    if (isSlow === true) this.#slow.add(text)
    else if (isSlow === false) this.#quick++
    if (this.#quick >= this.#slow.size + this.#unheard) this.#tell()
    if (this.#unheard === 0 && this.#slow.size === 0) this.#events.onNobody()
  }

  #tell(): void {
    for (const text of this.#slow) {
      if (this.#told.has(text)) continue
      this.#told.add(text)
      this.#events.onCulprit(text)
    }
  }
}
