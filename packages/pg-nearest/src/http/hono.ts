import { HttpSessions, type SessionPool } from './http-session.ts'
import { requestHead } from './fetch-request-adapter.ts'
import { Replayer, type ReplayPool } from '../replay/replayer.ts'
import type { ReplayOptions } from '../replay/replay-options.ts'
import type { HttpSessionOptions } from './options.ts'

export type { HttpSessionOptions } from './options.ts'
export type { SessionPool } from './http-session.ts'
export type { ReplayPool } from '../replay/replayer.ts'
export type { ReplayOptions } from '../replay/replay-options.ts'

/** What the middleware needs from Hono's context. */
export interface HonoContext {
  readonly req: { readonly raw: Request }
  readonly res: Response
  header(name: string, value?: string, options?: { append?: boolean }): void
}

/**
 * Middleware for Hono that has a request run beside the primary where that is cheaper: see `withReplay` of `pg-nearest/http`. It belongs
 * before `session`.
 *
 * @example
 * ```ts
 * import { Hono } from 'hono'
 * import { createPool } from 'pg-nearest'
 * import { fly } from 'pg-nearest/fly'
 * import { replay, session } from 'pg-nearest/hono'
 *
 * const pool = createPool(fly({ regions: ['ord', 'syd'] }))
 * new Hono().use(replay(pool), session(pool))
 * ```
 *
 * @throws OptionError for options that cannot be used.
 */
export function replay(
  pool: ReplayPool,
  options?: ReplayOptions,
): (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined> {
  const replayer = new Replayer(pool, options)
  return async (context, next) => {
    const { method, url, headers } = context.req.raw
    const place = replayer.consider({ method, url, header: (name) => headers.get(name) ?? undefined }, false)
    if (place.kind === 'replay') return new Response(null, place)
    await place.run(next)
    if (context.res.status < 500) place.learn()
    context.header('server-timing', place.responseBegins(), { append: true })
    return undefined
  }
}

/**
 * Middleware for Hono: everything that a request runs on the pool belongs to one session, which continues where the
 * client's last request ended.
 *
 * @example
 * ```ts
 * import { Hono } from 'hono'
 * import { createPool } from 'pg-nearest'
 * import { session } from 'pg-nearest/hono'
 *
 * const pool = createPool({ primary: 'postgres://localhost/app' })
 * new Hono().use(session(pool))
 * ```
 *
 * @throws OptionError for options that cannot be used.
 */
export function session(
  pool: SessionPool,
  options?: HttpSessionOptions,
): (context: HonoContext, next: () => Promise<void>) => Promise<void> {
  const sessions = new HttpSessions(pool, options)
  return async (context, next) => {
    const { http, isNew } = sessions.forRequest(requestHead(context.req.raw))
    await http.session.run(next)
    if (!isNew) return
    // The headers of some responses (a redirect, one that was fetched) cannot be changed, except by Hono's own method.
    http.headerWriter(context.res.status)?.({
      get: (name) => context.res.headers.get(name),
      set: (name, value) => context.header(name, value),
      append: (name, value) => context.header(name, value, { append: true }),
    })
  }
}
