import { connect, type Socket } from 'node:net'

const CANCEL_REQUEST_CODE = 80877102
const GIVE_UP_MS = 2_000

export interface Backend {
  readonly host: string
  readonly port: number
  readonly processID: number
  readonly secretKey: number
}

/**
 * Asks a server to cancel what a backend is doing. Best effort, as the protocol has no answer to it. Resolves when the server
 * has passed it on, or could not: from then on it hits nothing that is sent later.
 */
export function cancelBackend({ host, port, processID, secretKey }: Backend): Promise<void> {
  const request = Buffer.alloc(16)
  request.writeInt32BE(16, 0)
  request.writeInt32BE(CANCEL_REQUEST_CODE, 4)
  request.writeInt32BE(processID, 8)
  request.writeInt32BE(secretKey, 12)
  return new Promise((resolve) => {
    const socket: Socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
    socket.setTimeout(GIVE_UP_MS, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve())
    // The server closes it when it has passed the request on; unread, an end would never be seen.
    socket.resume()
    socket.write(request)
    socket.unref()
  })
}
