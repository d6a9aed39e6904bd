import { HttpSessions, type SessionPool } from './http-session.ts'
import { requestHead } from './fetch-request-adapter.ts'
import type { HttpSessionOptions } from './options.ts'

export type { HttpSessionOptions } from './options.ts'
export type { SessionPool } from './http-session.ts'

/** What the middleware needs from Hono's context. */
export interface HonoContext {
  readonly req: { readonly raw: Request }
  readonly res: Response
  header(name: string, value?: string, options?: { append?: boolean }): void
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
