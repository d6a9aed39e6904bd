import type { Bookmark } from '../session/bookmark.ts'
import { normalizeInsertLsn } from '../topology/lsn.ts'
import type { Observation } from '../topology/topology-updates.ts'

/**
 * Coordinates sessions whose bookmark came from outside and is ahead of what this process knows. At any time one read of such a
 * session may go to the primary; the others share one question to the primary, and hold no connection while they wait.
 */
export interface BookmarkClaims {
  /** Whether this read may go to the primary; if so, `leave` must be called when it has ended. */
  enter(): boolean
  leave(): void
  /** The primary's position, by a question sent after this call; `undefined` if it did not answer, or is no primary. */
  positionNow(primary: string): Promise<Bookmark | undefined>
}

/** @param ask - asks a server. Callers share a question until it has been sent. */
export function createBookmarkClaims(ask: (server: string) => Promise<Observation | undefined>): BookmarkClaims {
  let taken = false
  return {
    enter() {
      if (taken) return false
      return (taken = true)
    },
    leave() {
      taken = false
    },
    positionNow: async (primary) => positionOf(await ask(primary)),
  }
}

function positionOf(answer: Observation | undefined): Bookmark | undefined {
  if (answer?.role !== 'primary') return undefined
  const { systemIdentifier, timeline, lsn } = answer
  if (systemIdentifier === undefined || timeline === undefined || lsn === undefined) return undefined
  return { systemIdentifier, timeline, lsn: normalizeInsertLsn(lsn), certain: true }
}
