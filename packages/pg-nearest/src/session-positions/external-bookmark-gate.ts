import { certainBookmark, type Bookmark } from '../session/bookmark.ts'
import { observedPosition } from '../observations/observed-position.ts'
import type { Observation } from '../observations/topology-updates.ts'
import type { ReplicaBehindError } from './replica-behind-error.ts'

/**
 * Whether a read may be sent to a primary.
 *
 * - `free`: it may. Its session's claim is settled, or there was none.
 * - `entered`: it may, and `leave` must be called when it has ended. Calling it again does nothing.
 * - `asking`: not before the primary has answered another question. `settle` takes that answer.
 */
export type ClaimGate =
  | { readonly kind: 'free' }
  | { readonly kind: 'entered'; readonly leave: () => void }
  | { readonly kind: 'asking'; readonly answer: Promise<PrimaryAnswer>; readonly settle: Settle }

/** `silent`: it did not answer, or not with the position of a primary. */
export type PrimaryAnswer = { readonly kind: 'position'; readonly position: Bookmark } | { readonly kind: 'silent' }

type Settle = (answer: PrimaryAnswer) => ClaimOutcome

/**
 * What the primary's answer means for a claim.
 *
 * - `settled`: its session knows now what it must show, so the read is planned anew.
 * - `open`: nothing is known yet, so this primary does not show it.
 */
export type ClaimOutcome = { readonly kind: 'settled' } | { readonly kind: 'open'; readonly error: ReplicaBehindError }

export const FREE_GATE: ClaimGate = { kind: 'free' }

/**
 * Coordinates sessions whose bookmark came from outside and is ahead of what this process knows. At any time one read of such a
 * session may go to the primary; the others share one question to the primary, and hold no connection while they wait.
 */
export interface BookmarkClaims {
  /** Lets a read go to the primary if none is on its way, and otherwise asks as `ask` does. */
  enter(primary: string, settle: Settle): ClaimGate
  /** Asks for the primary's position, by a question sent after this call. */
  ask(primary: string, settle: Settle): ClaimGate
}

/** @param askNow - asks a server. Callers share a question until it has been sent. */
export function createBookmarkClaims(askNow: (server: string) => Promise<Observation | undefined>): BookmarkClaims {
  let entered: ClaimGate | undefined
  const ask = (primary: string, settle: Settle): ClaimGate => ({
    kind: 'asking',
    answer: askNow(primary).then(positionIn),
    settle,
  })
  return {
    enter(primary, settle) {
      if (entered !== undefined) return ask(primary, settle)
      const gate: ClaimGate = {
        kind: 'entered',
        leave() {
          if (entered === gate) entered = undefined
        },
      }
      return (entered = gate)
    },
    ask,
  }
}

function positionIn(answer: Observation | undefined): PrimaryAnswer {
  const position = answer?.role === 'primary' ? observedPosition(answer) : undefined
  return position === undefined ? { kind: 'silent' } : { kind: 'position', position: certainBookmark(position) }
}
