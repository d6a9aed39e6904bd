import { connect, type Socket } from 'node:net'
import type { Direction, Channel } from './link-direction.ts'
import { resetConnection } from './reset-connection.ts'

/** A sender has to wait while more than this is on its way, as with a full TCP window. */
const WINDOW_BYTES = 8_000_000

/** Both directions between a client's region and a server's. */
export interface Route {
  readonly there: Direction
  readonly back: Direction
}

/**
 * Relays a client's connection to a server's port. As with a real TCP handshake (SYN, SYN-ACK) it takes a round trip before
 * the client's first byte is sent.
 *
 * @returns a function that closes both ends at once.
 */
export function relayConnection(
  client: Socket,
  port: () => number | undefined,
  route: Route,
  onEnd: () => void,
): () => void {
  const there = route.there.channel()
  const back = route.back.channel()
  let server: Socket | undefined
  let established = false
  let open = 2

  const onClose = (): void => {
    open--
    if (open === 0) end()
  }
  const end = (): void => {
    there.close()
    back.close()
    client.destroy()
    server?.destroy()
    onEnd()
  }

  client.setNoDelay(true)
  client.on('close', onClose)
  there.send(0, () => {
    const listening = port()
    // The server is down. Something else may listen on its port meanwhile, and must not be taken for it.
    if (listening === undefined) return back.send(0, () => resetConnection(client))
    const socket = connect({ port: listening, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    server = socket
    socket.on('close', onClose)
    back.send(0, () => {
      established = true
      relay(client, socket, there)
    })
    relay(socket, client, back)
  })
  client.on('error', () => undefined)
  // Before the connection is established nobody reads from the client, so its end must be noticed here.
  client.on('close', () => {
    if (!established) end()
  })
  return end
}

/** Forwards everything from one socket to the other: data, end, and errors. */
function relay(source: Socket, target: Socket, channel: Channel): void {
  const full = (): boolean => channel.bytes + target.writableLength > WINDOW_BYTES
  const refill = (): void => {
    if (source.isPaused() && !full()) source.resume()
  }
  source.on('data', (chunk: Buffer) => {
    channel.send(chunk.length, () => {
      target.write(chunk, refill)
      refill()
    })
    if (full()) source.pause()
  })
  source.on('end', () => channel.send(0, () => target.end()))
  source.on('error', () => channel.send(0, () => resetConnection(target)))
  source.on('close', () => channel.send(0, () => target.destroySoon()))
}
