import type { Session } from '../pool/session.ts'
import { readBrought } from './brought.ts'
import type { HeaderValue } from './cookie.ts'
import { checkedPool, type SessionPool } from './http-session.ts'
import { parseHttpOptions, type HttpSessionOptions } from './options.ts'

/** Anything with a request's headers: of `node:http`, of a framework, or of the fetch API. */
export interface RequestHeaders {
  readonly headers: Headers | Readonly<Record<string, HeaderValue>>
}

/**
 * A session that goes on where the client's last request ended, to be kept: for a WebSocket, from its upgrade request.
 * There is no response to hand a bookmark back with, so that a page which has to know sends it by itself
 * (`session.bookmark()`).
 *
 * @throws OptionError for options that cannot be used.
 */
export function sessionFor(pool: SessionPool, request: RequestHeaders, options: HttpSessionOptions = {}): Session {
  const { headers } = request
  const header = (name: string): HeaderValue => (isHeaders(headers) ? headers.get(name) : headers[name])
  return checkedPool(pool).session(readBrought(header, parseHttpOptions(options), Date.now()).bookmark)
}

function isHeaders(headers: RequestHeaders['headers']): headers is Headers {
  return typeof headers.get === 'function'
}
