import { AsyncResource } from 'node:async_hooks'
import type { Session } from '../pool/session.ts'
import { isBookmarkCookie, newResponseName, responseCookie } from './hashed-bookmark-cookie-name.ts'
import { cookieChanges } from './cookie-changes.ts'
import type { Cookie } from './cookie.ts'
import { beginSession, newNonce, type SessionPool } from './http-session.ts'
import type { ParsedHttpOptions } from './options.ts'
import { readRequestBookmarks } from './request-bookmarks.ts'

/** A cookie as jars take it, with the names that `Set-Cookie` has for its attributes. */
export interface JarCookie extends Cookie {
  readonly path: string
  readonly domain?: string
  /** In seconds; 0 removes it. */
  readonly maxAge: number
  readonly httpOnly: true
  readonly sameSite: 'lax' | 'strict' | 'none'
  readonly secure: boolean
}

/** The cookies of a request and of its response, as Next.js has them. */
export interface CookieJar {
  getAll(): readonly Cookie[]
  /** Throws where nothing can be set. */
  set(cookie: JarCookie): unknown
}

/**
 * The session of a request whose cookies are in a jar, and where nobody says when its response begins. So the bookmark is put into the jar
 * whenever something begins to write, or has written, as one cookie that says what is known by then. What is only read sets none.
 */
export function sessionOfJar(pool: SessionPool, jar: CookieJar, options: ParsedHttpOptions): Session {
  // Their values are decoded, so that somebody else's may look like several.
  const own = jar.getAll().filter((cookie) => isBookmarkCookie(options.cookie, cookie))
  const sent = own.map(({ name, value }) => `${name}=${value}`)
  const brought = readRequestBookmarks((name) => (name === 'cookie' ? sent : undefined), options, Date.now())
  const session = beginSession(pool, brought, options)
  const atStart = session.bookmark()
  const response = newResponseName()
  const attributes = attributesOf(options)
  const { seal, cookie: base } = options
  let isSet = false
  const update = (): void => {
    const atEnd = session.bookmark()
    const changes = cookieChanges(brought, { atStart, atEnd }, newNonce)
    const { remove } = changes
    // What the request brought may be enough by now, but was removed when this one was set.
    const add = isSet ? (changes.add ?? atEnd) : changes.add
    try {
      for (const name of remove) jar.set({ ...attributes, name, value: '', maxAge: 0 })
      if (add === undefined && !isSet) return
      const value = add === undefined ? '' : (seal?.seal(add, Date.now()) ?? add)
      const cookie = responseCookie(base, value, response)
      jar.set({ ...attributes, ...(add === undefined ? { name: cookie.name, value, maxAge: 0 } : cookie) })
      isSet = true
    } catch {
      // A page is being rendered, or the response has begun: nothing can be set any more.
    }
  }
  // A jar looks for its request in the async context; the end of a statement comes in that of its connection.
  session.onWrite(AsyncResource.bind(update))
  return session
}

function attributesOf(options: ParsedHttpOptions): Omit<JarCookie, 'name' | 'value'> {
  const { path, domain, maxAgeSeconds, sameSite, secure = false } = options
  return {
    path,
    ...(domain === undefined ? {} : { domain }),
    maxAge: maxAgeSeconds,
    httpOnly: true,
    sameSite: sameSite.toLowerCase() as JarCookie['sameSite'],
    secure,
  }
}
