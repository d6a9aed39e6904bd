import type { Evidence } from '../route/failure-meaning.ts'

/** How many more connections to the same server a statement may have that had no effect there. */
export interface SameServerRetries {
  /** For connections that had died unused. */
  readonly again: number
  /** For connections that led to a standby, though the server's name leads to the primary, too. */
  readonly redials: number
  /** It may run once more after a fault of its connection. */
  readonly mayRerun: boolean
}

/** How many in a row there may be of each before the server counts as failed. */
export const SAME_SERVER_RETRIES: SameServerRetries = { again: 3, redials: 8, mayRerun: true }

/** What is left with one more connection; `undefined`: there is no more. */
export function withAnother(
  { again, redials, mayRerun }: SameServerRetries,
  evidence: Evidence,
): Partial<SameServerRetries> | undefined {
  switch (evidence.kind) {
    case 'unsent':
      return again > 0 ? { again: again - 1 } : undefined
    case 'misled':
      return redials > 0 ? { redials: redials - 1 } : undefined
    case 'answered':
      return mayRerun ? { mayRerun: false } : undefined
    default:
      return undefined
  }
}
