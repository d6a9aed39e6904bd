import { classify } from './classify.ts'
import type { StatementNeed } from './statement-class.ts'

/** What is known of a text. */
export interface KnownStatement {
  readonly need: StatementNeed
  /** A standby refused it although its text reads. */
  readonly learned: boolean
}

/** Remembers what texts need, so that each is looked at once. */
export interface StatementCache {
  needOf(text: string): KnownStatement
  /** A standby refused this text: from now on it is a write. */
  learnWrite(text: string): void
  /** How many texts are remembered. */
  readonly size: number
}

/** A longer text is looked at anew each time, unless a standby refused it: generated texts must not eat the memory. */
const LONGEST_TEXT = 16_384
/** Characters that one generation remembers at most. */
const MOST_CHARACTERS = 4_000_000

/**
 * A cache that forgets what was not used for longest, in two generations: what is used moves to the young one, and when
 * that is full the old one is dropped. A hit in the young generation is one look-up and nothing else.
 */
export function createStatementCache({ max }: { readonly max: number }): StatementCache {
  const half = Math.ceil(max / 2)
  let young = new Map<string, KnownStatement>()
  let old = new Map<string, KnownStatement>()
  let characters = 0

  const remember = (text: string, known: KnownStatement): KnownStatement => {
    if (half === 0) return known
    if (young.size >= half || characters + text.length > MOST_CHARACTERS) {
      old = young
      young = new Map()
      characters = 0
    }
    characters += text.length
    young.set(text, known)
    return known
  }

  return {
    needOf(text) {
      const known = young.get(text)
      if (known !== undefined) return known
      const older = old.get(text)
      if (older !== undefined) {
        old.delete(text)
        return remember(text, older)
      }
      const found: KnownStatement = { need: classify(text), learned: false }
      return text.length > LONGEST_TEXT ? found : remember(text, found)
    },
    learnWrite(text) {
      old.delete(text)
      young.delete(text)
      remember(text, { need: classify(text), learned: true })
    },
    get size() {
      return young.size + old.size
    },
  }
}
