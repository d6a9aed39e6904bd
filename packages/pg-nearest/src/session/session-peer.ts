import type { Bookmark } from './bookmark.ts'

/** What one pool's session tells that of another pool of this process, which leads to the same database. */
export interface SessionPeer {
  /** What was written or seen at this position is the other's, too. */
  show(position: Bookmark): void
  /** Nobody is on this one's timeline any more. */
  forgetTimeline(lost: Bookmark, now: number): void
  markUnknown(now: number): void
  /** Something may write at unknown positions, until what this returns is called. */
  beginUnsettled(): (now: number) => void
}
