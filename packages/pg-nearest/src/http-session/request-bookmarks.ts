import { parseBookmark } from '../session/bookmark-text.ts'
import { laterBookmark, type Bookmark } from '../session/bookmark.ts'
import { isBookmark, mergeBookmarks, UNKNOWN_BOOKMARK } from '../session/merge-bookmarks.ts'
import { bookmarkIn, isBookmarkCookie } from './hashed-bookmark-cookie-name.ts'
import { isSameCluster } from './bookmark-order.ts'
import { lines, parseCookies, type Cookie, type HeaderValue } from './cookie.ts'
import type { ParsedHttpOptions } from './options.ts'

/** One of the bookmarks that a request brought. */
export interface RequestBookmark {
  /** As it was sent. */
  readonly value: string
  /** `undefined` if it came in the header. */
  readonly cookieName: string | undefined
  /** `undefined` if it tells no position, or cannot be read: forged, expired, signed with another secret, or of a later version. */
  readonly bookmark: Bookmark | undefined
  /** What a session can begin with: `'unknown'` if it cannot be read. */
  readonly text: string
}

/** All that a request brought. */
export interface RequestBookmarks {
  readonly all: readonly RequestBookmark[]
  /** What the request's session begins with: a text if there is something without a position. */
  readonly start: Bookmark | string | undefined
}

const LONGEST = 512
/** Of a header that lists several. */
const LONGEST_LIST = 4_096
const WELL_FORMED = /^[\w.~-]+$/

/**
 * Reads the bookmarks of a request, from its cookies and the header. An empty value is nothing: that is how a cookie is
 * removed. Never throws.
 */
export function readRequestBookmarks(
  header: (name: string) => HeaderValue,
  options: ParsedHttpOptions,
  now: number,
): RequestBookmarks {
  const read = (value: string, cookie?: Cookie): RequestBookmark => ({
    value,
    cookieName: cookie?.name,
    ...readBookmark(cookie === undefined ? value : bookmarkIn(cookie), options, now),
  })
  const cookies = parseCookies(header('cookie')).filter((cookie) => isBookmarkCookie(options.cookie, cookie))
  const inHeader = options.header === undefined ? [] : headerValues(header(options.header))
  const all = [...cookies.map((cookie) => read(cookie.value, cookie)), ...inHeader.map((value) => read(value))]
  return { all, start: startOf(all) }
}

/** Node joins a header that is repeated with commas. One that is too long is one value, which cannot be read. */
function headerValues(header: HeaderValue): string[] {
  return lines(header)
    .flatMap((line) => (line.length > LONGEST_LIST ? [line] : line.split(',')))
    .map((value) => value.trim())
    .filter((value) => value !== '')
}

function readBookmark(
  value: string,
  { seal }: ParsedHttpOptions,
  now: number,
): Pick<RequestBookmark, 'bookmark' | 'text'> {
  const isWellFormed = value.length <= LONGEST && WELL_FORMED.test(value)
  const opened = isWellFormed && seal !== undefined ? seal.open(value, now) : value
  if (!isWellFormed || !isBookmark(opened)) return { bookmark: undefined, text: UNKNOWN_BOOKMARK }
  return { bookmark: parseBookmark(opened), text: opened.replace(/~.*/, '') }
}

/**
 * The latest of all. But one that cannot be read may be later than all the others (signed by a process that has the new secret
 * already, for example), and then only the primary is sure to show everything.
 *
 * A session begins with the bookmark of one cluster. If there are several clusters, each of them is safe, because the pool
 * asks the primary about a bookmark of a foreign one. The last is the one that was most likely set most recently.
 */
function startOf(all: readonly RequestBookmark[]): RequestBookmarks['start'] {
  let latest = all.at(-1)?.bookmark
  for (const { bookmark } of all) {
    if (latest === undefined || bookmark === undefined) return mergeBookmarks(all.map(({ text }) => text))
    if (isSameCluster(bookmark, latest)) latest = laterBookmark(latest, bookmark)
  }
  return latest
}
