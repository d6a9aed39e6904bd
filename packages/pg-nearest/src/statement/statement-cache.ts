import { classify } from './classify.ts'
import type { StatementNeed } from './statement-class.ts'

/** What is known about a text. */
export interface KnownStatement {
  readonly need: StatementNeed
  /** It looks like a read, but no standby will run it: it writes, or reads an unlogged table. */
  readonly learned: boolean
}

interface Remembered {
  readonly known: KnownStatement
  /** When that was learned; `undefined` for what follows from the text alone. */
  readonly learnedAt: number | undefined
}

/** Remembers what texts need, so that each is classified once. */
export interface StatementCache {
  needOf(text: string): KnownStatement
  /** A standby has refused this text, so only the primary is asked for the next {@link LEARNED_FOR_MS}. */
  learnWrite(text: string): void
  /** How many texts are remembered. */
  readonly size: number
}

/** Longer texts are not remembered, unless a standby has refused them, so that generated texts do not use up memory. */
const LONGEST_TEXT = 16_384
/**
 * Functions and tables change, so that what was refused may be a plain read by now. Asking a standby in vain costs a trip next door;
 * asking the primary for what a standby could answer costs an ocean, each time.
 */
const LEARNED_FOR_MS = 300_000
/** The limit of characters in one generation. */
const MOST_CHARACTERS = 4_000_000

/**
 * An approximate LRU cache of two generations: a hit in the old one moves to the young one, and when that is full it becomes the old
 * one. A hit in the young generation is a single look-up.
 *
 * @param now - in milliseconds; read only for what was learned.
 */
export function createStatementCache({
  max,
  now,
}: {
  readonly max: number
  readonly now: () => number
}): StatementCache {
  const half = Math.ceil(max / 2)
  let young = new Map<string, Remembered>()
  let old = new Map<string, Remembered>()
  let characters = 0

  const remember = (text: string, remembered: Remembered): KnownStatement => {
    if (half === 0) return remembered.known
    if (young.size >= half || characters + text.length > MOST_CHARACTERS) {
      old = young
      young = new Map()
      characters = 0
    }
    characters += text.length
    young.set(text, remembered)
    return remembered.known
  }
  const forget = (text: string): void => {
    old.delete(text)
    young.delete(text)
  }
  const isPast = ({ learnedAt }: Remembered): boolean => learnedAt !== undefined && now() - learnedAt >= LEARNED_FOR_MS

  return {
    needOf(text) {
      const recent = young.get(text)
      if (recent !== undefined && !isPast(recent)) return recent.known
      const older = old.get(text)
      if (older !== undefined && !isPast(older)) {
        old.delete(text)
        return remember(text, older)
      }
      forget(text)
      const known: KnownStatement = { need: classify(text), learned: false }
      return text.length > LONGEST_TEXT ? known : remember(text, { known, learnedAt: undefined })
    },
    learnWrite(text) {
      forget(text)
      remember(text, { known: { need: classify(text), learned: true }, learnedAt: now() })
    },
    get size() {
      return young.size + old.size
    },
  }
}
