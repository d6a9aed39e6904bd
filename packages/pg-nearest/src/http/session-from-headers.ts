import type { Session } from '../pool/session.ts'
import type { HeaderValue } from '../http-session/cookie.ts'
import { beginSession, checkedPool, type SessionPool } from '../http-session/http-session.ts'
import { parseHttpOptions, type HttpSessionOptions } from '../http-session/options.ts'
import { readRequestBookmarks } from '../http-session/request-bookmarks.ts'

/** Anything with a request's headers: of `node:http`, of a framework, or of the fetch API. */
export interface RequestHeaders {
  readonly headers: Headers | Readonly<Record<string, HeaderValue>>
}

/**
 * A session that continues where the client's last request ended, for a WebSocket's upgrade request for example. No response carries
 * its bookmark back: if the page needs it, send it over the socket (`session.bookmark()`).
 *
 * @throws OptionError for options that cannot be used.
 */
export function sessionFor(pool: SessionPool, request: RequestHeaders, options: HttpSessionOptions = {}): Session {
  const { headers } = request
  const header = (name: string): HeaderValue => (isHeaders(headers) ? headers.get(name) : headers[name])
  const parsed = parseHttpOptions(options)
  return beginSession(checkedPool(pool), readRequestBookmarks(header, parsed, Date.now()), parsed)
}

function isHeaders(headers: RequestHeaders['headers']): headers is Headers {
  return typeof headers.get === 'function'
}
