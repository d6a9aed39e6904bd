import { laterBookmark, type Bookmark, type Timeline } from './bookmark.ts'
import {
  formatBookmark,
  formatTimeBookmark,
  formatUnknownFrom,
  parseBookmark,
  parseTimeBookmark,
  parseUnknownFrom,
} from './bookmark-text.ts'

/** Stands for a position of which nothing is known: no valid bookmark, so a session that begins with it asks the primary first. */
export const UNKNOWN_BOOKMARK = 'unknown'

/** Stands for a position that is not known: only a primary shows it, which is on this timeline or a later one. */
export function unknownBookmark(from: Timeline | undefined): string {
  return from === undefined ? UNKNOWN_BOOKMARK : formatUnknownFrom(from)
}

/** Whether a text tells no position, and no time. */
export function isUnknownBookmark(text: string | undefined): boolean {
  return text !== undefined && parseBookmark(text) === undefined && parseTimeBookmark(text) === undefined
}

/**
 * The bookmark of a session that goes on from all of these: the latest. If one of them cannot be read, or they belong to different clusters,
 * only the primary is sure to show everything, on the latest of their timelines. `undefined` among them stands for nothing to show.
 */
export function mergeBookmarks(texts: readonly (string | undefined)[]): string | undefined {
  const given = [...new Set(texts.filter((text) => text !== undefined))]
  if (given.length <= 1) return given[0]
  const times = given.map(parseTimeBookmark).filter((time) => time !== undefined)
  if (times.length === given.length) return formatTimeBookmark(Math.max(...times))
  const bookmarks = given.map(parseBookmark).filter((bookmark) => bookmark !== undefined)
  const beginnings = given.map(parseUnknownFrom).filter((beginning) => beginning !== undefined)
  // Beside a time a position is of another pool, which may lead elsewhere.
  const latest = latestOf(times.length === 0 ? [...bookmarks, ...beginnings] : beginnings)
  return latest !== undefined && bookmarks.length === given.length ? formatBookmark(latest) : unknownBookmark(latest)
}

/** `undefined` if they do not belong to one cluster. */
function latestOf(all: readonly Bookmark[]): Bookmark | undefined {
  const isOneCluster = all.every(({ systemIdentifier }) => systemIdentifier === all[0]?.systemIdentifier)
  return isOneCluster ? all.reduce<Bookmark | undefined>(laterBookmark, undefined) : undefined
}

/** Whether a text is a bookmark: of a position or a time, or of what is not known but for its timeline. */
export function isBookmark(text: unknown): text is string {
  return [parseBookmark, parseTimeBookmark, parseUnknownFrom].some((parse) => parse(text) !== undefined)
}
