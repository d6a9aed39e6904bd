import { connect as connectSocket, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type pg from 'pg'
import { internalsOf } from '../wire/pg-internals.ts'
import { anotherStream, type ConnectableStream } from '../pg-client/stream-factory.ts'

const CANCEL_REQUEST_CODE = 80_877_102
const SSL_REQUEST_CODE = 80_877_103
const GIVE_UP_MS = 2_000

/**
 * Asks the server to cancel what this client's backend is running. The request goes to the peer of the client's socket, over TLS if
 * the client uses TLS. Best effort: the protocol defines no answer. Resolves, and never rejects, once the server has closed the
 * request's connection, after which it cannot hit a later statement. Takes at most 2 seconds.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
export function requestCancel(client: pg.Client): Promise<void> {
  const { processID, secretKey, connection } = internalsOf(client)
  if (processID === null || secretKey === null) return Promise.resolve()
  return new Promise((resolve) => {
    let socket: ConnectableStream
    try {
      socket = dialPeer(client)
    } catch {
      // The user's factory of streams may throw.
      return resolve()
    }
    const close = (): void => void socket.destroy()
    const late = setTimeout(close, GIVE_UP_MS)
    socket.on('error', close)
    socket.on('close', () => {
      clearTimeout(late)
      resolve()
    })
    const send = (to: Duplex): void => {
      to.write(cancelMessage(processID, secretKey))
      // The server closes the connection when it has passed the request on. Node reports that only if we read.
      to.resume()
    }
    socket.once('connect', () => {
      if (connection.ssl === false) send(socket)
      else secure(socket, client, send, close)
    })
    socket.unref?.()
  })
}

/**
 * Dials the address that the connection is using, because its host name may resolve to another one by now; with a stream of the user's,
 * wherever that leads.
 */
function dialPeer(client: pg.Client): ConnectableStream {
  const own = anotherStream(client)
  if (own !== undefined) {
    own.connect(client.port, client.host)
    return own
  }
  const { stream } = internalsOf(client).connection
  const { remoteAddress, remotePort } = stream
  if (remoteAddress !== undefined && remotePort !== undefined) return connectSocket(remotePort, remoteAddress)
  const { host, port } = client
  return host.startsWith('/') ? connectSocket(`${host}/.s.PGSQL.${port}`) : connectSocket(port, host)
}

function secure(socket: Duplex, client: pg.Client, send: (socket: Duplex) => void, fail: () => void): void {
  const { ssl, sslNegotiation } = internalsOf(client).connection
  const direct = sslNegotiation === 'direct'
  const upgrade = (): void => {
    const secured = connectTls({
      ...(ssl === true ? {} : (ssl as object)),
      socket,
      host: client.host,
      ...(isIP(client.host) === 0 ? { servername: client.host } : {}),
      ...(direct ? { ALPNProtocols: ['postgresql'] } : {}),
    })
    secured.on('error', fail)
    secured.once('secureConnect', () => send(secured))
  }
  if (direct) return upgrade()
  const request = Buffer.alloc(8)
  request.writeInt32BE(8, 0)
  request.writeInt32BE(SSL_REQUEST_CODE, 4)
  socket.write(request)
  socket.once('data', (answer: Buffer) => (answer.toString('latin1') === 'S' ? upgrade() : fail()))
}

/** Keys have four bytes in protocol 3.0, and may be longer from 3.2 on. */
function cancelMessage(processID: number, secretKey: number | Uint8Array): Buffer {
  const key = typeof secretKey === 'number' ? Buffer.alloc(4) : Buffer.from(secretKey)
  if (typeof secretKey === 'number') key.writeInt32BE(secretKey, 0)
  const head = Buffer.alloc(12)
  head.writeInt32BE(head.length + key.length, 0)
  head.writeInt32BE(CANCEL_REQUEST_CODE, 4)
  head.writeInt32BE(processID, 8)
  return Buffer.concat([head, key])
}
