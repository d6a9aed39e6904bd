import { parseBookmark } from '../session/bookmark-text.ts'
import { comparePositions, covers, type Bookmark } from '../session/bookmark.ts'
import { compareBookmarks, isSameCluster } from './bookmark-order.ts'
import type { RequestBookmark, RequestBookmarks } from './request-bookmarks.ts'

/** What a response does to its client's cookies. */
export interface CookieChanges {
  /** The bookmark to hand out; `undefined` if the client has it already, or needs none. */
  readonly add: string | undefined
  /** Names of cookies that the request brought and that are no longer needed. */
  readonly remove: readonly string[]
}

/** A session's bookmark before it was used, and at the end: `undefined` if every server shows it. */
export interface SessionBookmarks {
  readonly atStart: string | undefined
  readonly atEnd: string | undefined
}

/** Some proxies refuse long response headers. What is left over is removed by the next responses. */
const MOST_REMOVED = 10

/**
 * What a response changes, given what its request brought and the bookmark of its session at the end.
 *
 * The responses of one client arrive in any order, from processes that share nothing, and none knows what the others have
 * set meanwhile. So a response adds a cookie under a name that stands for this value alone, and removes a cookie only if its
 * own request brought it and it is covered: by the added one, by a later one that stays, or because every server shows it.
 * What is covered stays covered, whatever the other responses do.
 *
 * @param nonce - Makes a text that is different each time.
 */
export function cookieChanges(
  brought: RequestBookmarks,
  { atStart, atEnd: end }: SessionBookmarks,
  nonce: () => string,
): CookieChanges {
  const { all, start } = brought
  if (end === undefined) {
    // If the servers caught up meanwhile, the next response removes it: a session that began with the bookmark of a foreign
    // cluster looks the same, and that one is not ours to remove.
    const isShown = ({ bookmark }: RequestBookmark): boolean =>
      bookmark === undefined || (typeof start === 'object' && atStart === undefined && isSameCluster(bookmark, start))
    return { add: undefined, remove: removable(all, isShown) }
  }
  const position = parseBookmark(end)
  if (position !== undefined) return changesAt(position, end, brought)
  // The session has seen something that it has no position for. The primary covers that only if it is asked after this
  // response, so no other response may remove this cookie: its value is unique.
  return { add: `${end}~${nonce()}`, remove: removable(all, () => true) }
}

function changesAt(position: Bookmark, text: string, { all, start }: RequestBookmarks): CookieChanges {
  // A session that began with something unreadable has a position only after it has asked the primary, which covers that.
  const isOurs = ({ bookmark }: RequestBookmark): boolean => bookmark === undefined || isSameCluster(bookmark, position)
  const isLater = ({ bookmark }: RequestBookmark): boolean =>
    bookmark !== undefined && isSameCluster(bookmark, position) && covers(bookmark, position)
  if (isLost(start, position) || !all.some(isLater)) return { add: text, remove: removable(all, isOurs) }
  const kept = all
    .filter((each) => each.cookieName !== undefined && isLater(each))
    .toSorted(compareValues)
    .at(-1)
  // If the client keeps it in the header alone, its next request may come without that: the cookies stay.
  if (kept === undefined) return { add: undefined, remove: [] }
  return { add: undefined, remove: removable(all, (each) => isOurs(each) && each.cookieName !== kept.cookieName) }
}

/** A session goes back only when the primary has said that it does not have what the session began with. */
function isLost(start: RequestBookmarks['start'], end: Bookmark): boolean {
  return typeof start === 'object' && isSameCluster(start, end) && comparePositions(start, end) > 0
}

/** The names of cookies of which nothing is needed, the earliest first: two can have the plain name. */
function removable(all: readonly RequestBookmark[], isCovered: (each: RequestBookmark) => boolean): string[] {
  const needed = new Set(all.filter((each) => !isCovered(each)).map(({ cookieName }) => cookieName))
  const names = all.toSorted(compareValues).map(({ cookieName }) => cookieName)
  return [...new Set(names)]
    .filter((name) => name !== undefined && !needed.has(name))
    .slice(0, MOST_REMOVED) as string[]
}

/**
 * The same order in every process, without ties: of two cookies with equal positions all responses keep the same one. What
 * cannot be read comes first.
 */
function compareValues(a: RequestBookmark, b: RequestBookmark): number {
  const byPosition =
    a.bookmark === undefined || b.bookmark === undefined
      ? Number(a.bookmark !== undefined) - Number(b.bookmark !== undefined)
      : compareBookmarks(a.bookmark, b.bookmark)
  return byPosition === 0 ? Number(a.value > b.value) - Number(a.value < b.value) : byPosition
}
