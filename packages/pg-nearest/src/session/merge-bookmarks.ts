import { laterBookmark, type Bookmark } from './bookmark.ts'
import { formatBookmark, formatTimeBookmark, parseBookmark, parseTimeBookmark } from './bookmark-text.ts'

/** Stands for a position that is not known: no valid bookmark, so a session that begins with it asks the primary first. */
export const UNKNOWN_BOOKMARK = 'unknown'

/**
 * The bookmark of a session that goes on from all of these: the latest. If one of them cannot be read, or they belong to different clusters,
 * only the primary is sure to show everything. `undefined` among them stands for nothing to show.
 */
export function mergeBookmarks(texts: readonly (string | undefined)[]): string | undefined {
  const given = [...new Set(texts.filter((text) => text !== undefined))]
  if (given.length <= 1) return given[0]
  const times = given.map(parseTimeBookmark).filter((time) => time !== undefined)
  if (times.length === given.length) return formatTimeBookmark(Math.max(...times))
  const bookmarks = given.map(parseBookmark).filter((bookmark) => bookmark !== undefined)
  const [first] = bookmarks
  const isOneCluster = bookmarks.every(({ systemIdentifier }) => systemIdentifier === first?.systemIdentifier)
  if (first === undefined || bookmarks.length < given.length || !isOneCluster) return UNKNOWN_BOOKMARK
  return formatBookmark(bookmarks.reduce((a: Bookmark, b) => laterBookmark(a, b)))
}

/** Whether a text is a bookmark of a position or a time. */
export function isBookmark(text: unknown): text is string {
  return parseBookmark(text) !== undefined || parseTimeBookmark(text) !== undefined
}
