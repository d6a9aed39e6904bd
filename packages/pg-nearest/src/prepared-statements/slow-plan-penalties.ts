import { TextCache } from '../statement/text-keyed-cache.ts'
import { isPenalized, penalize, type Penalty } from '../limits/penalty-backoff.ts'

const MOST_TEXTS = 256
const MOST_CHARACTERS = 500_000

/** Texts that seem to be slow on one connection only because they are prepared there: a plan for any values may be a bad one for some. */
export class SlowPlanPenalties {
  readonly #texts = new TextCache<Penalty>(MOST_TEXTS, MOST_CHARACTERS)

  /** For a while, and for longer if it soon happens again. */
  add(text: string, now: number): void {
    this.#texts.set(text, penalize(this.#texts.get(text), now))
  }

  has(text: string, now: number): boolean {
    return this.#texts.size > 0 && isPenalized(this.#texts.get(text), now)
  }
}
