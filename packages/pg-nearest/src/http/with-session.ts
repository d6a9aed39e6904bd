import type { SessionPool } from '../http-session/http-session.ts'
import type { HttpSessionOptions } from '../http-session/options.ts'
import { sessionMiddleware } from './session-middleware.ts'
import { wrapFetchHandler } from '../http-middleware/wrap-fetch-handler.ts'

/**
 * Wraps a handler of the fetch kind: everything that it runs on the pool belongs to one session, which continues where the
 * client's last request ended.
 *
 * @example
 * ```ts
 * import { createPool } from 'pg-nearest'
 * import { withSession } from 'pg-nearest/http'
 *
 * const pool = createPool({ primary: 'postgres://localhost/app' })
 * export const GET = withSession(pool, async () => Response.json((await pool.query('select name from users')).rows))
 * ```
 *
 * @throws OptionError for options that cannot be used. What the handler throws is thrown on; a `Response` that is thrown
 *   carries the bookmark like one that is returned.
 */
export function withSession<R extends Request, Rest extends readonly unknown[]>(
  pool: SessionPool,
  handler: (request: R, ...rest: Rest) => Response | Promise<Response>,
  options?: HttpSessionOptions,
): (request: R, ...rest: Rest) => Promise<Response> {
  return wrapFetchHandler(sessionMiddleware(pool, options), handler)
}
