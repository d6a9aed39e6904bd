import type { Bookmark } from '../session/bookmark.ts'

export function isSameCluster(a: Bookmark, b: Bookmark): boolean {
  return a.systemIdentifier === b.systemIdentifier
}

/** Compares two positions of one cluster, as `laterBookmark` does: above 0 if the first is later. */
export function comparePositions(a: Bookmark, b: Bookmark): number {
  if (a.timeline !== b.timeline) return a.timeline - b.timeline
  if (a.lsn === b.lsn) return 0
  return a.lsn > b.lsn ? 1 : -1
}

/** The same, but of two equal positions one with a certain timeline counts as later. */
export function compareBookmarks(a: Bookmark, b: Bookmark): number {
  const byPosition = comparePositions(a, b)
  return byPosition === 0 ? Number(a.certain === true) - Number(b.certain === true) : byPosition
}
