/** Nobody is slow before that, in milliseconds: a busy machine is as late as that now and then. */
const LEAST_PATIENCE_MS = 20
/** So many times what is typical. */
const PATIENCE = 10
const LEAST_TYPICAL_MS = 0.1
/** How fast it follows what is typical: a median that moves by a twentieth with each answer. */
const PACE = 1.05

/** How long an answer of one server may take before it counts as slow: it follows the distance, and what is typical beyond it. */
export class PatienceLimit {
  #nearestMs = Number.POSITIVE_INFINITY
  #typicalMs = 0.5

  /** The shortest answer of late, in milliseconds; `Infinity` if there was none. */
  get wayMs(): number {
    return this.#nearestMs
  }

  get ms(): number {
    const wayMs = this.#nearestMs === Number.POSITIVE_INFINITY ? 1_000 : this.#nearestMs
    return wayMs * 1.5 + Math.max(LEAST_PATIENCE_MS, PATIENCE * this.#typicalMs)
  }

  /** An answer took so long. */
  note(ms: number): void {
    // The way may have become longer.
    this.#nearestMs = ms < this.#nearestMs ? ms : this.#nearestMs * 1.0001
    const beyondMs = ms - this.#nearestMs
    this.#typicalMs = Math.max(
      LEAST_TYPICAL_MS,
      beyondMs > this.#typicalMs ? this.#typicalMs * PACE : this.#typicalMs / PACE,
    )
  }
}
