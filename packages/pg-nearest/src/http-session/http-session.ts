import { randomBytes } from 'node:crypto'
import { OptionError } from '../errors.ts'
import type { Session, SessionOptions } from '../pool/session.ts'
import { formatBookmark } from '../session/bookmark-text.ts'
import { bookmarkCookie } from './hashed-bookmark-cookie-name.ts'
import { sharedCaching, type SharedCaching } from './shared-cacheability.ts'
import { cookieChanges, type CookieChanges } from './cookie-changes.ts'
import { formatCookie, lines, type HeaderValue } from './cookie.ts'
import { parseHttpOptions, type HttpSessionOptions, type ParsedHttpOptions } from './options.ts'
import { readRequestBookmarks, type RequestBookmarks } from './request-bookmarks.ts'

/** The pool that `createPool` returns. */
export interface SessionPool {
  session(options?: SessionOptions): Session
}

/** @throws OptionError for anything without a method `session`. */
export function checkedPool(pool: SessionPool): SessionPool {
  if (typeof (pool as SessionPool | undefined)?.session === 'function') return pool
  throw new OptionError('pool', 'pool must be what createPool returns.')
}

/** What is needed of a request, independent of the framework. */
export interface RequestHead {
  /** The same object for every middleware that this request passes. */
  readonly identity: object
  readonly method: string | undefined
  readonly https: boolean
  header(name: string): HeaderValue
}

/** A response's headers, independent of the framework. */
export interface ResponseHeaders {
  get(name: string): HeaderValue
  set(name: string, value: string): void
  append(name: string, value: string): void
}

/** Begins a session that goes on from these bookmarks. */
export function beginSession(
  pool: SessionPool,
  brought: RequestBookmarks,
  { seal }: ParsedHttpOptions,
  route?: string,
): Session {
  const { start } = brought
  // With an unreadable bookmark the session asks the primary first.
  const bookmark = typeof start === 'object' ? formatBookmark(start) : start
  return pool.session({ bookmark, trusted: seal !== undefined, route })
}

/** The session of one request, and how its bookmark goes back to the client. */
export class HttpSession {
  readonly session: Session
  readonly #options: ParsedHttpOptions
  readonly #request: RequestHead
  readonly #brought: RequestBookmarks
  readonly #atStart: string | undefined

  constructor(pool: SessionPool, options: ParsedHttpOptions, request: RequestHead, route?: string) {
    this.#options = options
    this.#request = request
    this.#brought = readRequestBookmarks((name) => request.header(name), options, Date.now())
    this.session = beginSession(pool, this.#brought, options, route)
    this.#atStart = this.session.bookmark()
  }

  /** Returns a function that adds what the client needs to a response's headers; `undefined` if there is nothing to add or remove. */
  headerWriter(status: number): ((headers: ResponseHeaders) => void) | undefined {
    // 1xx are not final responses, and 101 hands the connection over.
    if (status < 200) return undefined
    const changes = cookieChanges(this.#brought, { atStart: this.#atStart, atEnd: this.session.bookmark() }, newNonce)
    const isSame = changes.add === undefined && changes.remove.length === 0
    const isUnavailable = this.isUnavailable(status)
    if (isSame && !isUnavailable) return undefined
    return (headers) => {
      if (!isSame) this.#write(headers, changes)
      if (isUnavailable && lines(headers.get('retry-after')).length === 0)
        headers.set('retry-after', String(this.#options.retryAfterSeconds))
    }
  }

  /** The request has failed because nothing could be written, or no server be reached: its client may try again later. */
  isUnavailable(status: number): boolean {
    return status >= 500 && this.session.unavailable
  }

  /**
   * Shared caches must not give one client's bookmark to others: a response that the app allows them to store carries no bookmark, and
   * one that does not mention caching becomes `private`.
   */
  #write(headers: ResponseHeaders, { add, remove }: CookieChanges): void {
    const { cookie, header, seal, secure = this.#request.https } = this.#options
    const now = Date.now()
    const fields = header === undefined ? ['set-cookie'] : ['set-cookie', header]
    const caching = sharedCaching((name) => headers.get(name), fields, now)
    if (caching === 'offered' && isRead(this.#request.method)) return
    const attributes = { ...this.#options, secure }
    if (add !== undefined) {
      const value = seal === undefined ? add : seal.seal(add, now)
      headers.append('set-cookie', formatCookie(bookmarkCookie(cookie, value), attributes))
      if (header !== undefined) headers.set(header, value)
    }
    for (const name of remove) {
      headers.append('set-cookie', formatCookie({ name, value: '' }, { ...attributes, maxAgeSeconds: 0 }))
    }
    if (caching === 'unmentioned' || isStorableAsGet(caching, headers)) {
      headers.set('cache-control', [...lines(headers.get('cache-control')), 'private'].filter(Boolean).join(', '))
    }
  }
}

/** A text that is different each time. */
export function newNonce(): string {
  return randomBytes(9).toString('base64url')
}

/** A cache may answer later ones with the response: to QUERY, too, if they ask the same. */
function isRead(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'QUERY'
}

/** With Content-Location a cache may answer a later GET with the response to a POST (RFC 9110, section 9.3.3). */
function isStorableAsGet(caching: SharedCaching, headers: ResponseHeaders): boolean {
  return caching === 'offered' && lines(headers.get('content-location')).length > 0
}

/** The sessions of current requests, by pool, so that middleware that is mounted twice finds the same one. */
const sessionsByRequest = new WeakMap<object, Map<SessionPool, HttpSession>>()

/** Gives each request of an app its session. */
export class HttpSessions {
  readonly #pool: SessionPool
  readonly #options: ParsedHttpOptions

  /** @throws OptionError for options that cannot be used. */
  constructor(pool: SessionPool, options: HttpSessionOptions = {}) {
    this.#pool = checkedPool(pool)
    this.#options = parseHttpOptions(options)
  }

  /**
   * The request's session. If it is new, the caller must add its bookmark to the response.
   *
   * @param route - its name, for the pool's option `modes`.
   */
  forRequest(request: RequestHead, route?: string): { readonly http: HttpSession; readonly isNew: boolean } {
    const byPool = sessionsByRequest.get(request.identity) ?? new Map<SessionPool, HttpSession>()
    const known = byPool.get(this.#pool)
    if (known !== undefined) return { http: known, isNew: false }
    const http = new HttpSession(this.#pool, this.#options, request, route)
    sessionsByRequest.set(request.identity, byPool.set(this.#pool, http))
    return { http, isNew: true }
  }
}
