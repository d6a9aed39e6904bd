import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream'
import type { Duplex } from 'node:stream'
import { endToEnd, withHeaders, type HeaderList } from './forwarded-headers.ts'
import type { Delivered } from './deliver.ts'
import { EdgeFailure } from './edge-failure.ts'

/** What the edge says beside an instance's own headers. */
export interface EdgeAnswer {
  /** Instead of headers of the same names. */
  readonly replaced: HeaderList
  /** Beside them. */
  readonly added: HeaderList
}

/** Passes an instance's response on to the client. */
export function passOn(
  { answer: { message } }: Delivered,
  { replaced, added }: EdgeAnswer,
  response: ServerResponse,
): void {
  const headers = [...withHeaders(endToEnd(message.rawHeaders), replaced), ...added]
  try {
    response.writeHead(message.statusCode ?? 502, message.statusMessage ?? '', headers.flat())
  } catch (error) {
    message.destroy()
    throw error
  }
  response.flushHeaders()
  // A response that is cut short over there is cut short here.
  pipeline(message, response, () => undefined)
}

/** Passes the beginning of another protocol on, and then all that both sides say; or a response that refuses it. */
export function passUpgradeOn({ answer }: Delivered, headers: HeaderList, client: Duplex, clientHead: Buffer): void {
  const { message } = answer
  const upgraded = answer.kind === 'upgrade'
  const raw = upgraded
    ? pairsOf(message.rawHeaders)
    : [...endToEnd(message.rawHeaders), ['Connection', 'close'] as const]
  client.write(headOf(message, withHeaders(raw, headers)))
  if (answer.kind === 'response') {
    pipeline(message, client, () => undefined)
    return
  }
  const { socket, head } = answer
  if (head.length > 0) client.write(head)
  if (clientHead.length > 0) socket.write(clientHead)
  pipeline(client, socket, () => undefined)
  pipeline(socket, client, () => undefined)
}

export function failureOf(error: unknown): EdgeFailure {
  return error instanceof EdgeFailure ? error : new EdgeFailure(502, String(error))
}

/** The edge's own answer where there is no response to write it to. */
export function refuseUpgrade({ status, message }: EdgeFailure, client: Duplex): void {
  client.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\n\r\n${message}\n`)
}

function headOf({ statusCode = 502, statusMessage = '' }: IncomingMessage, headers: HeaderList): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${statusCode} ${statusMessage}\r\n${lines.join('')}\r\n`
}

function pairsOf(rawHeaders: readonly string[]): HeaderList {
  return rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] ?? ''] as const] : []))
}
