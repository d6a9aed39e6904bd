import type { ResponseHeaders } from '../http-session/http-session.ts'
import type { IncomingHead, Middleware } from './middleware.ts'

/** Puts a middleware around a handler of the fetch kind. */
export function wrapHandler<R extends Request, Rest extends readonly unknown[]>(
  middleware: Middleware,
  handler: (request: R, ...rest: Rest) => Response | Promise<Response>,
): (request: R, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const around = middleware(headOf(request))
    if (around.kind === 'replay') return new Response(null, around)
    const finish = (response: Response): Response => {
      around.end(response.status)
      const write = around.headerWriter(response.status)
      return write === undefined ? response : changeHeaders(response, write)
    }
    try {
      return finish(await around.run(async () => handler(request, ...rest)))
    } catch (error) {
      throw error instanceof Response ? finish(error) : error
    }
  }
}

/** A request of the fetch API. */
export function headOf(request: Request): IncomingHead {
  const { method, url, headers } = request
  const https = url.startsWith('https:')
  return { identity: request, method, url, https, begun: false, header: (name) => headers.get(name) }
}

/** The response with its headers changed; a copy, if they are of the kind that cannot be, as those of a redirect and of what was fetched. */
function changeHeaders(response: Response, write: (headers: ResponseHeaders) => void): Response {
  try {
    write(response.headers)
    return response
  } catch {
    const { status, statusText, headers } = response
    const copy = new Response(response.body, { status, statusText, headers })
    write(copy.headers)
    return copy
  }
}
