import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import { delayHead } from './late-head.ts'
import type { Answer, Around, Middleware } from './middleware-types.ts'
import {
  callbackOf,
  headersOf,
  isClosed,
  notingAppended,
  override,
  type Header,
  type NodeResponse,
} from './node-response-helpers.ts'

/** A request of `node:http`, or of the compatibility API of `node:http2`. */
export type NodeRequest = IncomingMessage | Http2ServerRequest
/** How a framework tells what is needed of a request. */
export interface NodeHead {
  /** With the path that a router is mounted at. */
  readonly url: string | undefined
  readonly https: boolean
}

/** Does what a middleware does with a request, and runs `next` if it is to be handled. */
export function runNodeMiddleware(
  middleware: Middleware,
  request: NodeRequest,
  response: NodeResponse,
  { url = '/', https }: NodeHead,
  next: () => void,
): void {
  const head = { identity: request, method: request.method ?? 'GET', url, https }
  const around = middleware(
    { ...head, header: (name) => headerOf(request, name) },
    {
      begun: () => response.headersSent,
      abandoned: () => isClosed(response),
      replace: (answer) => answerInstead(response, answer),
    },
  )
  if (around.kind === 'replay') {
    response.writeHead(around.status, around.headers)
    response.end()
    return
  }
  keepContext(request, (work) => around.run(work))
  writeWithHead(response, around)
  response.once('finish', () => around.end(response.statusCode))
  around.run(next)
}

function headerOf(request: NodeRequest, name: string): string | string[] | undefined {
  const { headers } = request
  const isUntold = 'stream' in request && headers['content-length'] === undefined && !request.stream.endAfterHeaders
  // What HTTP/1.1 says of a body whose length is not told; HTTP/2 just leaves it out.
  return name === 'transfer-encoding' && isUntold ? 'chunked' : headers[name]
}

/** The handler goes on with the response as if it were its own: it may set headers, write and end it, and the client gets this answer. */
function answerInstead(response: NodeResponse, { status, headers }: Answer): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => NodeResponse
  const end = response.end.bind(response) as (...args: unknown[]) => NodeResponse
  override(response, 'writeHead', () => {
    for (const name of response.getHeaderNames()) response.removeHeader(name)
    return writeHead(status, headers)
  })
  override(response, 'write', (...args: unknown[]) => {
    callbackOf(args)?.()
    return true
  })
  override(response, 'end', (...args: unknown[]) => {
    // HTTP/2 would not call it.
    if (!response.headersSent) response.writeHead(status)
    return end(...[callbackOf(args) ?? []].flat())
  })
}

/**
 * A request's events are emitted outside of the session's async context, so a body parser that calls `next` from one of them would
 * lose it.
 */
function keepContext(request: NodeRequest, run: (work: () => boolean) => boolean): void {
  const emit = request.emit.bind(request) as (...args: unknown[]) => boolean
  override(request, 'emit', (...args: unknown[]) => run(() => emit(...args)))
}

/** Every way to send headers (`write`, `end`, `pipe`) calls `writeHead`. */
function writeWithHead(response: NodeResponse, around: Around): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => NodeResponse
  const late = delayHead(response, around)
  override(response, 'writeHead', (...args: unknown[]) => {
    const [status, first, second] = args
    if (response.headersSent || typeof status !== 'number') return writeHead(...args)
    const write = around.headerWriter(status)
    if (write === undefined && late.isLast) return writeHead(...args)
    const final = around.statusFor?.(status) ?? status
    const [reason, headers] = typeof first === 'string' ? [[first], second] : [[], second ?? first]
    // Headers in the arguments would replace those that are set here.
    setAll(response as ServerResponse, headers)
    const appended: Header[] = []
    write?.(notingAppended(headersOf(response), appended))
    late.made(status, appended)
    if (final === status) return writeHead(status, ...reason)
    // It may have been set for the other one. HTTP/2 has none.
    return writeHead(final, ...('stream' in response ? [] : [STATUS_CODES[final] ?? '']))
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
