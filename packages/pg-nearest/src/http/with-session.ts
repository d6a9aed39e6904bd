import { changeHeaders } from './change-headers.ts'
import { requestHead } from './fetch-request-adapter.ts'
import { HttpSessions, type HttpSession, type SessionPool } from './http-session.ts'
import type { HttpSessionOptions } from './options.ts'

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
  const sessions = new HttpSessions(pool, options)
  return async (request, ...rest) => {
    const { http, isNew } = sessions.forRequest(requestHead(request))
    const run = async (): Promise<Response> => handler(request, ...rest)
    if (!isNew) return http.session.run(run)
    try {
      return withBookmark(await http.session.run(run), http)
    } catch (error) {
      throw error instanceof Response ? withBookmark(error, http) : error
    }
  }
}

function withBookmark(response: Response, http: HttpSession): Response {
  const write = http.headerWriter(response.status)
  return write === undefined ? response : changeHeaders(response, write)
}
