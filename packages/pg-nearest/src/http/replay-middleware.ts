import { lines } from '../http-session/cookie.ts'
import type { ReplayOptions } from '../replay/replay-options.ts'
import { plainPathOf } from '../replay/route-key.ts'
import { Replayer, type ReplayPool } from '../replay/replayer.ts'
import type { Middleware } from '../http-middleware/middleware-types.ts'

/**
 * Has each request run where that is cheapest.
 *
 * @throws OptionError for options that cannot be used.
 */
export function replayMiddleware(pool: ReplayPool, options?: ReplayOptions): Middleware {
  const replayer = new Replayer(pool, options)
  return (request, response) => {
    const { method, url } = request
    const header = (name: string): string | undefined => lines(request.header(name))[0]
    return replayer.consider({ method, url, path: plainPathOf(url), header }, response)
  }
}
