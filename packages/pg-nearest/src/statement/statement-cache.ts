import { classify } from './classify.ts'
import type { StatementNeed } from './statement-class.ts'

/** What is known about a text. */
export interface KnownStatement {
  readonly need: StatementNeed
  /** It looks like a read, but a standby has refused it. */
  readonly learned: boolean
}

/** Remembers what texts need, so that each is classified once. */
export interface StatementCache {
  needOf(text: string): KnownStatement
  /** A standby has refused this text, so it is a write from now on. */
  learnWrite(text: string): void
  /** How many texts are remembered. */
  readonly size: number
}

/** Longer texts are not remembered, unless a standby has refused them, so that generated texts do not use up memory. */
const LONGEST_TEXT = 16_384
/** The limit of characters in one generation. */
const MOST_CHARACTERS = 4_000_000

/**
 * An approximate LRU cache of two generations: a hit in the old one moves to the young one, and when that is full it becomes the old
 * one. A hit in the young generation is a single look-up.
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
