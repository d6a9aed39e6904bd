import type { RouteReason } from '../events/served-by.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'

/** Where a borrowed client would stand if nobody observed. `server: undefined`: on the primary. */
export type ShadowPlace =
  | { readonly kind: 'free' }
  /** It has written, so that it stays on the primary. */
  | { readonly kind: 'written' }
  | { readonly kind: 'pinned' }
  | { readonly kind: 'transaction'; readonly server: string | undefined; readonly after: ShadowPlace }

export const SHADOW_FREE: ShadowPlace = { kind: 'free' }
const WRITTEN: ShadowPlace = { kind: 'written' }

/** Why the client would have no choice for a statement, and where it would run; `undefined`: it would choose. */
export function placedIn(
  place: ShadowPlace,
): { readonly server: string | undefined; readonly reason: RouteReason } | undefined {
  switch (place.kind) {
    case 'free':
      return undefined
    case 'written':
      return { server: undefined, reason: 'own-write' }
    case 'pinned':
      return { server: undefined, reason: 'pinned' }
    case 'transaction':
      return { server: place.server, reason: 'transaction' }
  }
}

/**
 * Where it would stand after a statement that has succeeded.
 *
 * @param replica - that the statement would have run on; `undefined`: the primary.
 */
export function nextShadowPlace(place: ShadowPlace, need: StatementNeed, replica: string | undefined): ShadowPlace {
  const control = need.transaction?.kind
  if (place.kind === 'transaction') {
    const ends = control === 'commit' || control === 'rollback'
    if (ends) return place.after
    return need.class === 'session' ? { ...place, after: { kind: 'pinned' } } : place
  }
  if (control === 'begin')
    return { kind: 'transaction', server: replica, after: replica === undefined ? later(place) : place }
  // It is made again wherever the client goes.
  if (need.setting !== undefined) return place
  if (need.class === 'session') return { kind: 'pinned' }
  return replica === undefined ? later(place) : place
}

/** A client that was on the primary stays there. */
function later(place: ShadowPlace): ShadowPlace {
  return place.kind === 'pinned' ? place : WRITTEN
}
