import { isUnavailableError } from '../errors.ts'
import { HttpSessions, type SessionPool } from '../http-session/http-session.ts'
import type { HttpSessionOptions } from '../http-session/options.ts'
import { plainPathOf, routeKey } from '../replay/route-key.ts'
import type { Middleware } from '../http-middleware/middleware-types.ts'

const UNAVAILABLE = 503

/**
 * One session for each request, which continues where the client's last request ended.
 *
 * @throws OptionError for options that cannot be used.
 */
export function sessionMiddleware(pool: SessionPool, options?: HttpSessionOptions): Middleware {
  const sessions = new HttpSessions(pool, options)
  return (request) => {
    const { http, isNew } = sessions.forRequest(request, routeKey(request.method, plainPathOf(request.url)))
    return {
      kind: 'here',
      run: (work) => http.session.run(work),
      headerWriter: (status) => (isNew ? http.headerWriter(status) : undefined),
      whenWritten: (callback) => http.session.whenWritten(callback),
      statusFor: (status) => (isNew && http.isUnavailable(status) ? UNAVAILABLE : status),
      answerFor: (error) =>
        isNew && isUnavailableError(error) ? { status: UNAVAILABLE, body: 'Service Unavailable' } : undefined,
      end: () => undefined,
    }
  }
}
