import { TextCache } from '../statement/text-keyed-cache.ts'
import { isPenalized, penalize, type Penalty } from '../limits/penalty-backoff.ts'

/** What is known of a text by its runs. */
interface KnownText {
  /** By itself, where it was timed. */
  runs: number
  /** The share of its runs that were slow, as far back as about 64. */
  slow: number
  /** For having held up others, or taken them along. */
  penalty: Penalty | undefined
  /** Runs that it would have made in a lane. */
  turns: number
}

const MOST_TEXTS = 10_000
const MOST_CHARACTERS = 4_000_000
/** So many runs show whether a text is quick. */
const FIRST_RUNS = 2
/** One that is slow now and then may come in with every so many runs. */
const SELDOM = 512

/** Which texts are quick enough to share a connection, and fail seldom enough. */
export class QuickTexts {
  readonly #texts = new TextCache<KnownText>(MOST_TEXTS, MOST_CHARACTERS)
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether it may share a connection now. */
  mayShare(text: string): boolean {
    const known = this.#texts.get(text)
    if (known === undefined || known.runs < FIRST_RUNS || known.slow > 0.5) return false
    if (known.penalty !== undefined && isPenalized(known.penalty, this.#now())) return false
    return known.slow <= 0.1 || ++known.turns % SELDOM === 0
  }

  /** It has run by itself. */
  ran(text: string, isSlow: boolean): void {
    const known = this.#of(text)
    known.runs++
    known.slow += isSlow ? (1 - known.slow) / 8 : -known.slow / 64
  }

  /**
   * It has held up others, or taken them along: it stays away for a while, and longer if it does so again.
   *
   * @param isSeldom - most of its runs were quick at the same time: never longer than the first time. Default false.
   */
  keepApart(text: string, isSeldom = false): void {
    const known = this.#of(text)
    const now = this.#now()
    if (!isSeldom) known.penalty = penalize(known.penalty, now)
    else if (known.penalty === undefined || !isPenalized(known.penalty, now)) known.penalty = penalize(undefined, now)
  }

  #of(text: string): KnownText {
    let known = this.#texts.get(text)
    if (known === undefined) {
      known = { runs: 0, slow: 0, penalty: undefined, turns: 0 }
      this.#texts.set(text, known)
    }
    return known
  }
}
