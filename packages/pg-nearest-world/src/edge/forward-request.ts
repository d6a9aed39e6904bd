import { request, type Agent, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { HeaderList } from './forwarded-headers.ts'
import type { RequestBody } from './request-body.ts'

/** A request as it goes to an instance. */
export interface Outgoing {
  readonly method: string
  readonly path: string
  readonly headers: HeaderList
  readonly body: RequestBody
  /** The protocol that the client wants to go on with: `websocket`. */
  readonly upgrade: string | undefined
  /** The client has left. */
  readonly signal: AbortSignal
}

export type Answer =
  | { readonly kind: 'response'; readonly message: IncomingMessage }
  /** From here on both sides speak another protocol. */
  | { readonly kind: 'upgrade'; readonly message: IncomingMessage; readonly socket: Duplex; readonly head: Buffer }

/** Sends a request to a port of this machine. Rejects if the connection dies before the response. */
export function forwardRequest(port: number, agent: Agent, outgoing: Outgoing): Promise<Answer> {
  const { method, path, headers, body, upgrade, signal } = outgoing
  return new Promise((resolve, reject) => {
    const sent = request({
      host: '127.0.0.1',
      port,
      // A connection that changes its protocol is nobody else's afterwards.
      agent: upgrade === undefined ? agent : false,
      method,
      path,
      headers: [...headers, ...connectionHeaders(outgoing)].flat(),
      setHost: false,
      signal,
    })
    sent.once('response', (message) => resolve({ kind: 'response', message }))
    sent.once('upgrade', (message, socket, head) => {
      if (upgrade !== undefined) return resolve({ kind: 'upgrade', message, socket, head })
      socket.destroy()
      return reject(new Error('it went on with another protocol, which nobody had asked for'))
    })
    sent.once('error', reject)
    body.sendTo(sent)
  })
}

/** Node sends them chunked if nothing says how long they are, even without a body. */
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/** A list of headers is sent as it is, so that what Node would add has to be in it. The body stays as long, or as unknown, as it came. */
function connectionHeaders({ method, upgrade, headers, body: { chunked } }: Outgoing): HeaderList {
  if (upgrade !== undefined)
    return [
      ['Connection', 'Upgrade'],
      ['Upgrade', upgrade],
    ]
  const keepAlive = ['Connection', 'keep-alive'] as const
  if (chunked) return [keepAlive, ['Transfer-Encoding', 'chunked']]
  if (!WITH_BODY.has(method) || headers.some(([name]) => name.toLowerCase() === 'content-length')) return [keepAlive]
  return [keepAlive, ['Content-Length', '0']]
}
