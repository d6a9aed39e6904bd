import { AsyncResource } from 'node:async_hooks'
import { sessionOfJar, type CookieJar } from '../http-session/jar-session.ts'
import { parseHttpOptions, type HttpSessionOptions } from '../http-session/options.ts'
import { NearestPool } from '../pool/nearest-pool.ts'
import type { Session } from '../pool/session.ts'
import { UNKNOWN_BOOKMARK } from '../session/merge-bookmarks.ts'
import { lazyHandle, type Within } from './lazy-handle.ts'

/** Options of {@link nextPool}. `cookie` tells the pools of one app apart. */
export type NextPoolOptions = Pick<
  HttpSessionOptions,
  'cookie' | 'secret' | 'maxAgeSeconds' | 'path' | 'domain' | 'sameSite' | 'secure'
>

/** The function `cookies` of `next/headers`. */
export type NextCookies = () => CookieJar | Promise<CookieJar>

/**
 * The pool of a Next.js app: what server components, server actions and route handlers run on it belongs to one session for each request,
 * which continues where the client's last one ended. Its bookmark is read from a cookie, and set by whatever writes where Next.js lets a
 * cookie be set: in actions and route handlers. Nothing is passed on by hand.
 *
 * The pool is made by its first use, which asks for the cookies first, so that `next build` needs no database. It is kept for the process
 * by the name of its cookie, whichever bundle it is in, and however often the development server loads its module again.
 *
 * Within `pool.session(…)`, or `withSession`, that session counts. Outside of a request, as in a script or in
 * `generateStaticParams`, and in `after()` of a page, it is the process's.
 *
 * @param create - makes the pool.
 * @param cookies - that of `next/headers`.
 *
 * @example
 * ```ts no-check: next/headers is in Next.js, which is not installed here
 * import { cookies } from 'next/headers'
 * import { createPool } from 'pg-nearest'
 * import { fly } from 'pg-nearest/fly'
 * import { nextPool } from 'pg-nearest/next'
 *
 * export const pool = nextPool(() => createPool(fly()), cookies)
 * ```
 *
 * @throws OptionError for options that cannot be used.
 */
export function nextPool(create: () => NearestPool, cookies: NextCookies, options: NextPoolOptions = {}): NearestPool {
  const parsed = parseHttpOptions(options)
  const name = parsed.cookie
  const sessions = new WeakMap<object, RequestSession>()
  // What it does by itself, for as long as it lives, is no part of the request that makes it: React would answer its `fetch` from what that has kept.
  const createOutside = AsyncResource.bind(create)

  const pool = (): NearestPool => {
    const made = pools.get(name) ?? createOutside()
    pools.set(name, made)
    return made
  }
  const isInSession = (): boolean => pools.get(name)?.isInSession === true
  const sessionIn = (jar: JarNow): RequestSession => {
    const known = sessions.get(jar)
    if (known !== undefined) return known
    const begun: RequestSession = {
      ready: Promise.resolve(jar).then((all) => (begun.session = sessionOfJar(pool(), all, parsed))),
      session: undefined,
    }
    sessions.set(jar, begun)
    return begun
  }
  const sessionNow = async (): Promise<Session | undefined> => {
    const jar = isInSession() ? undefined : jarNow(cookies)
    return jar === undefined ? undefined : sessionIn(jar).ready
  }
  const within: Within = async (handle) => {
    const session = await sessionNow()
    return session === undefined ? handle() : handle().within(session)
  }
  const bookmark: NearestPool['bookmark'] = () => {
    const jar = isInSession() ? undefined : jarNow(cookies)
    if (jar === undefined) return pool().bookmark()
    const session = sessions.get(jar)?.session
    // What the cookies say is not known before they have been waited for.
    return session === undefined ? UNKNOWN_BOOKMARK : session.bookmark()
  }
  const sharedSession: NearestPool['sharedSession'] = async (key, work) => {
    const session = await sessionNow()
    const made = pool()
    return session === undefined ? made.sharedSession(key, work) : session.run(() => made.sharedSession(key, work))
  }
  return lazyHandle(NearestPool.prototype, pool, within, { bookmark, sharedSession })
}

type JarNow = ReturnType<NextCookies>

interface RequestSession {
  readonly ready: Promise<Session>
  session: Session | undefined
}

/** `undefined` where there is no request. */
function jarNow(cookies: NextCookies): JarNow | undefined {
  try {
    return cookies()
  } catch (error) {
    if (error instanceof Error && WITHOUT_REQUEST.test(error.message)) return undefined
    throw error
  }
}

/** As Next.js says it: its errors have no code that stays. */
const WITHOUT_REQUEST = /outside a request scope|inside `(?:after\(\)|generateStaticParams)`/

/** The pools of this process, by the name of their cookie: bundles and reloads have copies of this module, too. */
const pools: Map<string, NearestPool> = ((globalThis as Registry)[Symbol.for('pg-nearest.next.1')] ??= new Map())

type Registry = Record<symbol, Map<string, NearestPool> | undefined>
