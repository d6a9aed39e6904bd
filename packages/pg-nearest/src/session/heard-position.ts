import { isSamePosition, type Bookmark } from './bookmark.ts'
import type { SessionState } from './session-state.ts'

/** Only another pool of the process has told of its timeline: that pool's list may name servers that this one's does not. */
export function isOnlyHeard(
  session: Pick<SessionState, 'awaited' | 'bookmark' | 'listedSince'>,
  position: Bookmark,
): boolean {
  const isIts = position === session.awaited || isSamePosition(position, session.bookmark)
  return isIts && session.listedSince(position) === undefined
}
