import { comparePositions, type Bookmark } from '../session/bookmark.ts'

export function isSameCluster(a: Bookmark, b: Bookmark): boolean {
  return a.systemIdentifier === b.systemIdentifier
}

/** Without ties between different ones. */
export function compareBookmarks(a: Bookmark, b: Bookmark): number {
  const byPosition = comparePositions(a, b)
  return byPosition === 0 ? Number((a.certainLsn ?? 0n) - (b.certainLsn ?? 0n)) : byPosition
}
