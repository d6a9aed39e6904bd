import { formatBookmark, parseBookmark } from '../session/bookmark-text.ts'
import { laterBookmark } from '../session/bookmark.ts'
import { cookieValues, lines, type HeaderValue } from './cookie.ts'
import type { ParsedHttpOptions } from './options.ts'

/** What a request brought. */
export interface Brought {
  /** For `pool.session()`; `undefined` if there was nothing. */
  readonly bookmark: string | undefined
  /** The client has a cookie. */
  readonly cookie: boolean
}

/** No bookmark: a session that begins with it asks the primary first. */
const INVALID = 'invalid'
const LONGEST = 512
const WELL_FORMED = /^[\w.~-]+$/

/**
 * Reads the bookmark of a request: the header's, or else the cookie's. Something that is there and cannot be used is not
 * nothing, for its client may have seen anything. An empty value is nothing: that is how a cookie is removed. Never throws.
 */
export function readBrought(header: (name: string) => HeaderValue, options: ParsedHttpOptions, now: number): Brought {
  const inCookie = cookieValues(header('cookie'), options.cookie).filter((value) => value !== '')
  const inHeader = options.header === undefined ? [] : headerValues(header(options.header))
  return { bookmark: chosen(inHeader.length > 0 ? inHeader : inCookie, options, now), cookie: inCookie.length > 0 }
}

/** Node joins a header that is repeated with commas. One that is too long is one value, for it is invalid anyway. */
function headerValues(header: HeaderValue): string[] {
  return lines(header)
    .flatMap((line) => (line.length > LONGEST ? [line] : line.split(',')))
    .map((value) => value.trim())
    .filter((value) => value !== '')
}

/** Of several, the valid one that stands for the most; what is not valid counts only if nothing else is there. */
function chosen(values: readonly string[], { seal }: ParsedHttpOptions, now: number): string | undefined {
  if (values.length === 0) return undefined
  const texts = values
    .filter((value) => value.length <= LONGEST && WELL_FORMED.test(value))
    .flatMap((value) => (seal === undefined ? value : (seal.open(value, now) ?? [])))
  if (texts.length <= 1) return texts[0] ?? INVALID
  const bookmarks = texts.flatMap((text) => parseBookmark(text) ?? [])
  const [first, ...others] = bookmarks
  return first === undefined ? INVALID : formatBookmark(others.reduce(laterBookmark, first))
}
