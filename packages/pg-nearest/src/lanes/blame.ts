/**
 * Which texts of those that were silent together are at fault: those that were slow by themselves, if as many reads were quick as texts
 * were slow. A busy machine makes nobody a culprit. Told as soon as what has not been heard yet can change nothing, because some may never
 * be: they are aborted, or lost.
 */
export class Blame {
  readonly #onCulprit: (text: string) => void
  readonly #slow = new Set<string>()
  readonly #told = new Set<string>()
  #quick = 0
  #unheard: number

  constructor(reads: number, onCulprit: (text: string) => void) {
    this.#unheard = reads
    this.#onCulprit = onCulprit
  }

  /** One of the reads has run by itself; `undefined`: it was not seen whether it is slow. */
  ran(text: string, isSlow: boolean | undefined): void {
    this.#unheard--
    if (isSlow === true) this.#slow.add(text)
    else if (isSlow === false) this.#quick++
    if (this.#quick >= this.#slow.size + this.#unheard) this.#tell()
  }

  #tell(): void {
    for (const text of this.#slow) {
      if (this.#told.has(text)) continue
      this.#told.add(text)
      this.#onCulprit(text)
    }
  }
}
