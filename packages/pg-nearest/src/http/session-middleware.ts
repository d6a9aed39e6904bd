import { HttpSessions, type SessionPool } from '../http-session/http-session.ts'
import type { HttpSessionOptions } from '../http-session/options.ts'
import type { Middleware } from './middleware.ts'

/**
 * One session for each request, which continues where the client's last request ended.
 *
 * @throws OptionError for options that cannot be used.
 */
export function sessionMiddleware(pool: SessionPool, options?: HttpSessionOptions): Middleware {
  const sessions = new HttpSessions(pool, options)
  return (request) => {
    const { http, isNew } = sessions.forRequest(request)
    return {
      kind: 'here',
      run: (work) => http.session.run(work),
      headerWriter: (status) => (isNew ? http.headerWriter(status) : undefined),
      end: () => undefined,
    }
  }
}
