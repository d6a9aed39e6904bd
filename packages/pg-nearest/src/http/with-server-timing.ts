import { serverTimingMiddleware, type ObservedPool } from './server-timing-middleware.ts'
import { wrapFetchHandler } from '../http-middleware/wrap-fetch-handler.ts'

/**
 * Wraps a handler of the fetch kind: each response says in its header `Server-Timing`, which browsers show, which servers have answered the
 * statements of its request until it begins, how many and why, and how long they took: `db-ord;desc="2 own-region";dur=1.4`. Everybody who
 * gets the response can read it, so use it where that does no harm.
 *
 * @example
 * ```ts
 * import { createPool } from 'pg-nearest'
 * import { withServerTiming, withSession } from 'pg-nearest/http'
 *
 * const pool = createPool({ primary: 'postgres://localhost/app' })
 * const names = async () => Response.json((await pool.query('select name from users')).rows)
 * export const GET = withServerTiming(pool, withSession(pool, names))
 * ```
 *
 * Cost: the pool's event `query` is listened to, once.
 *
 * @throws OptionError for what is no pool. What the handler throws is thrown on.
 */
export function withServerTiming<R extends Request, Rest extends readonly unknown[]>(
  pool: ObservedPool,
  handler: (request: R, ...rest: Rest) => Response | Promise<Response>,
): (request: R, ...rest: Rest) => Promise<Response> {
  return wrapFetchHandler(serverTimingMiddleware(pool), handler)
}
