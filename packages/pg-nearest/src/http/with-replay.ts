import type { ReplayOptions } from '../replay/replay-options.ts'
import type { ReplayPool } from '../replay/replayer.ts'
import { replayMiddleware } from './replay-middleware.ts'
import { wrapFetchHandler } from '../http-middleware/wrap-fetch-handler.ts'

/**
 * Wraps a handler of the fetch kind, so that a request runs beside the primary where that is cheaper: it is answered with `fly-replay`
 * before the handler begins, and Fly's proxy sends it again there. A request that waits for the primary once is handled here; one that waits
 * several times is replayed, which is learnt for each route. What cannot be replayed runs here, and its writes go to the primary directly:
 * bodies of more than 1 MB or of unknown length, upgrades, CORS preflights, what was replayed already, and what came back.
 *
 * The response says what was decided, in `Server-Timing`. The bookmark of `withSession`, which belongs inside, travels with the request.
 *
 * @example
 * ```ts
 * import { createPool } from 'pg-nearest'
 * import { fly } from 'pg-nearest/fly'
 * import { withReplay, withSession } from 'pg-nearest/http'
 *
 * const pool = createPool(fly({ regions: ['ord', 'syd'] }))
 * export const POST = withReplay(pool, withSession(pool, async () => Response.json((await pool.query('select 1')).rows)))
 * ```
 *
 * Cost: the pool's event `query` is listened to, once.
 *
 * @throws OptionError for options that cannot be used. What the handler throws is thrown on.
 */
export function withReplay<R extends Request, Rest extends readonly unknown[]>(
  pool: ReplayPool,
  handler: (request: R, ...rest: Rest) => Response | Promise<Response>,
  options?: ReplayOptions,
): (request: R, ...rest: Rest) => Promise<Response> {
  return wrapFetchHandler(replayMiddleware(pool, options), handler)
}
