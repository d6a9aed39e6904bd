import type { StatementNeed } from '../classification/statement-need-types.ts'
import { TextCache } from './text-keyed-cache.ts'
import { factsOf } from './text-facts.ts'

/** What is known about a text. */
export interface KnownStatement {
  readonly need: StatementNeed
  /** It looks like a read, but no standby will run it: it writes, or reads an unlogged table. */
  readonly learned: boolean
}

/** What texts need, as far as they show, and what standbys have said of them. */
export interface LearnedWrites {
  needOf(text: string): KnownStatement
  /** A standby has refused this text, so only the primary is asked for the next {@link LEARNED_FOR_MS}. */
  learnWrite(text: string): void
  /** How many texts are remembered that a standby has refused. */
  readonly size: number
}

/**
 * Functions and tables change, so that what was refused may be a plain read by now. Asking a standby in vain costs a trip next door;
 * asking the primary for what a standby could answer costs an ocean, each time.
 */
const LEARNED_FOR_MS = 300_000
const MOST_CHARACTERS = 4_000_000

/** @param now - in milliseconds; read only for what was learned. */
export function createLearnedWrites({ max, now }: { readonly max: number; readonly now: () => number }): LearnedWrites {
  /** When each was refused. */
  const refused = new TextCache<number>(max, MOST_CHARACTERS)

  const isLearned = (text: string): boolean => {
    const learnedAt = refused.size === 0 ? undefined : refused.get(text)
    if (learnedAt === undefined) return false
    if (now() - learnedAt < LEARNED_FOR_MS) return true
    refused.delete(text)
    return false
  }

  return {
    needOf: (text) => ({ need: factsOf(text).need, learned: isLearned(text) }),
    learnWrite: (text) => refused.set(text, now()),
    get size() {
      return refused.size
    },
  }
}
