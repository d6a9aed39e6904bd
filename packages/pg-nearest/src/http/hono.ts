/**
 * Sessions and replays for Hono.
 *
 * @module pg-nearest/hono
 */
import type { SessionPool } from '../http-session/http-session.ts'
import type { HttpSessionOptions } from '../http-session/options.ts'
import type { ReplayOptions } from '../replay/replay-options.ts'
import type { ReplayPool } from '../replay/replayer.ts'
import type { Middleware } from '../http-middleware/middleware-types.ts'
import { replayMiddleware } from './replay-middleware.ts'
import { serverTimingMiddleware, type ObservedPool } from './server-timing-middleware.ts'
import { sessionMiddleware } from './session-middleware.ts'
import { headOf, PendingFetchResponse, withStatus } from '../http-middleware/wrap-fetch-handler.ts'

export type { HttpSessionOptions } from '../http-session/options.ts'
export type { SessionPool } from '../http-session/http-session.ts'
export type { ReplayPool } from '../replay/replayer.ts'
export type { ReplayOptions } from '../replay/replay-options.ts'
export type { ObservedPool } from './server-timing-middleware.ts'

/** What the middleware needs from Hono's context. */
export interface HonoContext {
  readonly req: { readonly raw: Request }
  get res(): Response
  set res(response: Response | undefined)
  header(name: string, value?: string, options?: { append?: boolean }): void
}

/** What Hono's `use` takes. */
export type HonoMiddleware = (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined>

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
export function replay(pool: ReplayPool, options?: ReplayOptions): HonoMiddleware {
  return honoMiddleware(replayMiddleware(pool, options))
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
export function session(pool: SessionPool, options?: HttpSessionOptions): HonoMiddleware {
  return honoMiddleware(sessionMiddleware(pool, options))
}

/**
 * Middleware for Hono: each response says in its header `Server-Timing`, which browsers show, which servers have answered the
 * statements of its request until it begins, how many and why, and how long they took: `db-ord;desc="2 own-region";dur=1.4`. Everybody who
 * gets the response can read it, so use it where that does no harm.
 *
 * @example
 * ```ts
 * import { Hono } from 'hono'
 * import { createPool } from 'pg-nearest'
 * import { serverTiming, session } from 'pg-nearest/hono'
 *
 * const pool = createPool({ primary: 'postgres://localhost/app' })
 * new Hono().use(serverTiming(pool), session(pool))
 * ```
 *
 * Cost: the pool's event `query` is listened to, once.
 *
 * @throws OptionError for what is no pool.
 */
export function serverTiming(pool: ObservedPool): HonoMiddleware {
  return honoMiddleware(serverTimingMiddleware(pool))
}

function honoMiddleware(middleware: Middleware): HonoMiddleware {
  return async (context, next) => {
    const pending = new PendingFetchResponse(context.req.raw)
    const around = middleware(headOf(context.req.raw), pending)
    if (around.kind === 'replay') return new Response(null, around)
    try {
      await around.run(next)
    } catch (error) {
      if (!pending.replaced) throw error
    }
    const instead = pending.begin(context.res)
    if (instead !== undefined) {
      replaceResponse(context, instead)
      return undefined
    }
    const { status } = context.res
    around.end(status)
    // The headers of some responses (a redirect, one that was fetched) cannot be changed, except by Hono's own method.
    around.headerWriter(status)?.({
      get: (name) => context.res.headers.get(name),
      set: (name, value) => context.header(name, value),
      append: (name, value) => context.header(name, value, { append: true }),
    })
    const final = withStatus(context.res, around.statusFor?.(status) ?? status)
    if (final !== context.res) replaceResponse(context, final)
    return undefined
  }
}

/** Otherwise Hono adds the headers of the one that is there. */
function replaceResponse(context: HonoContext, response: Response): void {
  context.res = undefined
  context.res = response
}
