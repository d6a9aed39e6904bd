import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { HttpSessions, ResponseHeaders } from './http-session.ts'

/** A request of `node:http`, or of the compatibility API of `node:http2`. */
export type NodeRequest = IncomingMessage | Http2ServerRequest
/** A response of `node:http`, or of the compatibility API of `node:http2`. */
export type NodeResponse = ServerResponse | Http2ServerResponse

/** Runs `next` in the request's session, and adds the session's bookmark to the response's headers. */
export function runInNodeSession(
  sessions: HttpSessions,
  request: NodeRequest,
  response: NodeResponse,
  https: boolean,
  next: () => void,
): void {
  const { http, isNew } = sessions.forRequest({
    identity: request,
    method: request.method,
    https,
    header: (name) => request.headers[name],
  })
  if (isNew) {
    keepContext(request, (work) => http.session.run(work))
    writeWithHead(response, (status) => http.headerWriter(status))
  }
  http.session.run(next)
}

/**
 * A request's events are emitted outside of the session's async context, so a body parser that calls `next` from one of them would
 * lose it.
 */
export function keepContext(request: NodeRequest, run: (work: () => boolean) => boolean): void {
  const emit = request.emit.bind(request) as (...args: unknown[]) => boolean
  override(request, 'emit', (...args: unknown[]) => run(() => emit(...args)))
}

/** Every way to send headers (`write`, `end`, `pipe`) calls `writeHead`. */
export function writeWithHead(
  response: NodeResponse,
  writerFor: (status: number) => ((headers: ResponseHeaders) => void) | undefined,
): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => NodeResponse
  override(response, 'writeHead', (...args: unknown[]) => {
    const [status, first, second] = args
    const write = response.headersSent || typeof status !== 'number' ? undefined : writerFor(status)
    if (write === undefined) return writeHead(...args)
    const [reason, headers] = typeof first === 'string' ? [[first], second] : [[], second ?? first]
    // Headers in the arguments would replace those that are set here.
    setAll(response as ServerResponse, headers)
    write({
      get: (name) => lineOf(response.getHeader(name)),
      set: (name, value) => response.setHeader(name, value),
      append: (name, value) => (response as ServerResponse).appendHeader(name, value),
    })
    return writeHead(status, ...reason)
  })
}

/** Reads the last argument of `writeHead`: an object, a flat list of names and values, or a list of pairs. */
function setAll(response: ServerResponse, headers: unknown): void {
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value as string)
    return
  }
  const flat: unknown[] = Array.isArray(headers[0]) ? headers.flat() : headers
  const pairs = Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]] as [string, string])
  for (const [name] of pairs) response.removeHeader(name)
  for (const [name, value] of pairs) response.appendHeader(name, value)
}

function lineOf(value: number | string | string[] | undefined): string | string[] | undefined {
  return typeof value === 'number' ? String(value) : value
}

function override(target: object, name: 'emit' | 'writeHead', value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false })
}
