import type { RequestHead } from './http-session.ts'

/** A request of the fetch API. */
export function requestHead(request: Request): RequestHead {
  return {
    identity: request,
    method: request.method,
    https: request.url.startsWith('https:'),
    header: (name) => request.headers.get(name),
  }
}
