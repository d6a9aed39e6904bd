export interface BlameEvents {
  /** @param isSeldom - most of its reads were quick. */
  onCulprit(text: string, isSeldom: boolean): void
  /** None was slow by itself: it was the machine, or a plan that only the shared connection has. */
  onNobody(): void
}

/** The reads of one text that have run by themselves. */
interface Runs {
  slow: number
  quick: number
  slowestMs: number
  isTold: boolean
}

/** Slow reads take at least so many times as long as the slowest of the quick ones: where they take all kinds of times, the machine is busy. */
const CLEARLY = 2

/**
 * Which texts of those that were silent together are at fault: those that were slow by themselves, and clearly so, if as many reads were quick
 * as texts were slow. A busy machine makes nobody a culprit. Told as soon as there are as many quick ones whatever comes, because some may
 * never be heard: they are aborted, or lost.
 */
export class Blame {
  readonly #events: BlameEvents
  readonly #texts = new Map<string, Runs>()
  #slowTexts = 0
  #quick = 0
  #longestQuickMs = 0
  #unheard: number

  constructor(reads: number, events: BlameEvents) {
    this.#unheard = reads
    this.#events = events
  }

  /**
   * One of the reads has run by itself.
   *
   * @param ms - how long; `undefined`: it did not come to its end.
   * @param limitMs - longer is slow.
   */
  ran(text: string, ms: number | undefined, limitMs: number): void {
    this.#unheard--
    if (ms !== undefined) this.#note(this.#runsOf(text), ms, limitMs)
    if (this.#quick >= this.#slowTexts + this.#unheard) this.#tell()
    if (this.#unheard === 0 && this.#slowTexts === 0) this.#events.onNobody()
  }

  #runsOf(text: string): Runs {
    let runs = this.#texts.get(text)
    if (runs === undefined) this.#texts.set(text, (runs = { slow: 0, quick: 0, slowestMs: 0, isTold: false }))
    return runs
  }

  #note(runs: Runs, ms: number, limitMs: number): void {
    if (ms > limitMs) {
      if (runs.slow++ === 0) this.#slowTexts++
      runs.slowestMs = Math.max(runs.slowestMs, ms)
      return
    }
    runs.quick++
    this.#quick++
    this.#longestQuickMs = Math.max(this.#longestQuickMs, ms)
  }

  #tell(): void {
    for (const [text, runs] of this.#texts) {
      if (runs.slow === 0 || runs.isTold || runs.slowestMs < CLEARLY * this.#longestQuickMs) continue
      runs.isTold = true
      this.#events.onCulprit(text, runs.quick > runs.slow)
    }
  }
}
