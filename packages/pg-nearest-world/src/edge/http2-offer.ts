import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { endToEnd } from './forwarded-headers.ts'

/**
 * Whether a client would rather go on with HTTP/2, as Java's and `curl --http2` say of every request. A server may answer as if it had not
 * said so, and Fly's proxy does.
 */
export function isHttp2Offer({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.trim().toLowerCase() === 'h2c'
}

/** Has the request read anew, without the offer: Node reads no body of what might be another protocol. */
export function takeAsPlain(door: Server, request: IncomingMessage, client: Duplex, head: Buffer): void {
  const { method = 'GET', url = '/', headers, rawHeaders } = request
  const chunked = headers['transfer-encoding'] === undefined ? [] : [['Transfer-Encoding', 'chunked'] as const]
  const kept = endToEnd(rawHeaders).filter(([name]) => name.toLowerCase() !== 'http2-settings')
  const lines = [...kept, ...chunked].map(([name, value]) => `${name}: ${value}\r\n`)
  client.unshift(Buffer.concat([Buffer.from(`${method} ${url} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'), head]))
  door.emit('connection', client)
}
