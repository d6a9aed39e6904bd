import { OptionError } from '../errors.ts'
import type { Session } from '../pool/session.ts'
import { readBrought, type Brought } from './brought.ts'
import { formatCookie, lines, type HeaderValue } from './cookie.ts'
import { parseHttpOptions, type HttpSessionOptions, type ParsedHttpOptions } from './options.ts'

/** What makes sessions: the pool that `createPool` returns. */
export interface SessionPool {
  session(bookmark?: string): Session
}

/** @throws OptionError for anything that makes no sessions. */
export function checkedPool(pool: SessionPool): SessionPool {
  if (typeof (pool as SessionPool | undefined)?.session === 'function') return pool
  throw new OptionError('pool', 'pool must be what createPool returns.')
}

/** A request, as every framework has it. */
export interface RequestHead {
  /** The same object wherever this request is seen again. */
  readonly identity: object
  readonly method: string | undefined
  readonly https: boolean
  header(name: string): HeaderValue
}

/** A response's headers, as every framework has them. */
export interface ResponseHeaders {
  get(name: string): HeaderValue
  set(name: string, value: string): void
  append(name: string, value: string): void
}

/** One request's session, and the rules by which its bookmark comes and goes. */
export class HttpSession {
  readonly session: Session
  readonly #options: ParsedHttpOptions
  readonly #request: RequestHead
  readonly #brought: Brought
  readonly #atStart: string | undefined

  constructor(pool: SessionPool, options: ParsedHttpOptions, request: RequestHead) {
    this.#options = options
    this.#request = request
    this.#brought = readBrought((name) => request.header(name), options, Date.now())
    this.session = pool.session(this.#brought.bookmark)
    this.#atStart = this.session.bookmark()
  }

  /** What writes the news for the client into the headers of a response; `undefined` if there is none. */
  news(status: number): ((headers: ResponseHeaders) => void) | undefined {
    // 101 hands the connection over, and other 1xx are not the response yet.
    if (status < 200) return undefined
    const bookmark = this.session.bookmark()
    if (bookmark === undefined) {
      return this.#brought.cookie ? (headers) => this.#write(headers, '', 0) : undefined
    }
    if (bookmark === this.#brought.bookmark || bookmark === this.#atStart) return undefined
    const { seal, maxAgeSeconds } = this.#options
    const value = seal === undefined ? bookmark : seal.seal(bookmark, Date.now())
    return (headers) => this.#write(headers, value, maxAgeSeconds)
  }

  /**
   * A shared cache that kept the response would give one client's bookmark to others, in place of a later one of theirs.
   * So a response that says nothing about caches becomes `private`, and one that is meant for everybody carries none.
   */
  #write(headers: ResponseHeaders, value: string, maxAgeSeconds: number): void {
    const cacheControl = lines(headers.get('cache-control')).join(', ')
    if (isRead(this.#request.method) && SHARED.test(cacheControl)) return
    const { header, secure = this.#request.https } = this.#options
    headers.append('set-cookie', formatCookie(value, { ...this.#options, secure, maxAgeSeconds }))
    if (header !== undefined && value !== '') headers.set(header, value)
    if (cacheControl === '') headers.set('cache-control', 'private')
  }
}

const SHARED = /\bpublic\b|\bs-maxage\b/i

function isRead(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** Requests that have a session already, by pool: whoever meets one again goes on in the same. */
const begun = new WeakMap<object, Map<SessionPool, HttpSession>>()

/** One app's way from requests to sessions. */
export class HttpSessions {
  readonly #pool: SessionPool
  readonly #options: ParsedHttpOptions

  /** @throws OptionError for options that cannot be used. */
  constructor(pool: SessionPool, options: HttpSessionOptions = {}) {
    this.#pool = checkedPool(pool)
    this.#options = parseHttpOptions(options)
  }

  /** The request's session, and whether it is new: then its response is to be seen to. */
  of(request: RequestHead): { readonly http: HttpSession; readonly isNew: boolean } {
    const pools = begun.get(request.identity) ?? new Map<SessionPool, HttpSession>()
    const known = pools.get(this.#pool)
    if (known !== undefined) return { http: known, isNew: false }
    const http = new HttpSession(this.#pool, this.#options, request)
    begun.set(request.identity, pools.set(this.#pool, http))
    return { http, isNew: true }
  }
}
