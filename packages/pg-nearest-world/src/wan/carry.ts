import { connect, type Socket } from 'node:net'
import type { Direction, Lane } from './direction.ts'

/** With more than this on its way a sender has to wait, as with a full TCP window. */
const WINDOW_BYTES = 8_000_000

/** The way from one region to another. */
export interface Way {
  readonly there: Direction
  readonly back: Direction
}

/**
 * Carries a client's connection to a server's port and back. As over a real distance it takes a round trip until the
 * client's first byte leaves: SYN there, SYN-ACK back.
 *
 * @returns what ends it at once.
 */
export function carry(client: Socket, port: () => number, way: Way, onEnd: () => void): () => void {
  const there = way.there.lane()
  const back = way.back.lane()
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
    const socket = connect({ port: port(), host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    server = socket
    socket.on('close', onClose)
    back.send(0, () => {
      established = true
      relay(client, socket, there)
    })
    relay(socket, client, back)
  })
  client.on('error', () => undefined)
  // Until then nobody reads from the client; one that gives up must be noticed all the same.
  client.on('close', () => {
    if (!established) end()
  })
  return end
}

/** Sends all that comes from one socket to the other one, its end and its death included. */
function relay(source: Socket, target: Socket, lane: Lane): void {
  const full = (): boolean => lane.bytes + target.writableLength > WINDOW_BYTES
  const refill = (): void => {
    if (source.isPaused() && !full()) source.resume()
  }
  source.on('data', (chunk: Buffer) => {
    lane.send(chunk.length, () => {
      target.write(chunk, refill)
      refill()
    })
    if (full()) source.pause()
  })
  source.on('end', () => lane.send(0, () => target.end()))
  source.on('error', () => lane.send(0, () => target.resetAndDestroy()))
  source.on('close', () => lane.send(0, () => target.destroySoon()))
}
