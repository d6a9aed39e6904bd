import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { HeaderValue } from '../http-session/cookie.ts'
import type { ResponseHeaders } from '../http-session/http-session.ts'

/** A response of `node:http`, or of the compatibility API of `node:http2`. */
export type NodeResponse = ServerResponse | Http2ServerResponse

/** Puts something in the place of one of its methods. */
export function override(
  target: object,
  name: 'emit' | 'writeHead' | 'write' | 'cork' | 'uncork' | 'end' | 'flushHeaders' | 'destroy',
  value: unknown,
): void {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false })
}

/** Nobody gets what is written to it any more. */
export function isClosed(response: NodeResponse): boolean {
  return 'stream' in response ? response.stream.destroyed : response.destroyed
}

/** What `write` or `end` was given to call back. */
export function callbackOf(args: readonly unknown[]): ((error?: Error) => void) | undefined {
  return args.find((arg): arg is (error?: Error) => void => typeof arg === 'function')
}

/** A line of a head. */
export interface Header {
  readonly name: string
  readonly value: string
}

/** The same headers, of which those that are appended are noted. */
export function notingAppended(headers: ResponseHeaders, appended: Header[]): ResponseHeaders {
  return {
    ...headers,
    append(name, value) {
      appended.push({ name, value })
      headers.append(name, value)
    },
  }
}

/** The headers of a response whose head is not made yet. */
export function headersOf(response: NodeResponse): ResponseHeaders {
  return {
    get: (name) => lineOf(response.getHeader(name)),
    set: (name, value) => response.setHeader(name, value),
    append: (name, value) => (response as ServerResponse).appendHeader(name, value),
  }
}

function lineOf(value: number | string | string[] | undefined): HeaderValue {
  return typeof value === 'number' ? String(value) : value
}
