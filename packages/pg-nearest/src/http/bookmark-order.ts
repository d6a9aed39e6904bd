import type { Bookmark } from '../session/bookmark.ts'

export function isSameCluster(a: Bookmark, b: Bookmark): boolean {
  return a.systemIdentifier === b.systemIdentifier
}

/** The order of two positions of one cluster, as `laterBookmark` sees it: above 0 if the first is later. */
export function comparePositions(a: Bookmark, b: Bookmark): number {
  if (a.timeline !== b.timeline) return a.timeline - b.timeline
  if (a.lsn === b.lsn) return 0
  return a.lsn > b.lsn ? 1 : -1
}

/** The same, but of two equal positions the one whose timeline is certain comes later: it says more. */
export function compareBookmarks(a: Bookmark, b: Bookmark): number {
  const byPosition = comparePositions(a, b)
  return byPosition === 0 ? Number(a.certain === true) - Number(b.certain === true) : byPosition
}
