import { connect, type Socket } from 'node:net'
import type { Direction, Lane } from './direction.ts'

/** With more than this on its way a sender has to wait, as with a full TCP window. */
const WINDOW_BYTES = 8_000_000

/** The way from one region to another. */
export interface Way {
  readonly there: Direction
  readonly back: Direction
  /** Milliseconds of round trip now. */
  readonly rttMs: number
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
  const connectedAt = performance.now() + way.rttMs
  let server: Socket | undefined
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
  there.send(0, performance.now(), () => {
    const socket = connect({ port: port(), host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    server = socket
    socket.on('close', onClose)
    relay(socket, client, back, 0)
    relay(client, socket, there, connectedAt)
  })
  client.on('error', () => undefined)
  // Until the server has heard of it, nobody reads from the client; a client that gives up must be noticed all the same.
  client.on('close', () => {
    if (server === undefined) end()
  })
  return end
}

/** Sends all that comes from one socket to the other one, its end and its death included. Nothing leaves before `from`. */
function relay(source: Socket, target: Socket, lane: Lane, notBefore: number): void {
  const send = (bytes: number, deliver: () => void): void =>
    lane.send(bytes, Math.max(notBefore, performance.now()), deliver)
  const full = (): boolean => lane.bytes + target.writableLength > WINDOW_BYTES
  const refill = (): void => {
    if (source.isPaused() && !full()) source.resume()
  }
  source.on('data', (chunk: Buffer) => {
    send(chunk.length, () => {
      target.write(chunk, refill)
      refill()
    })
    if (full()) source.pause()
  })
  source.on('end', () => send(0, () => target.end()))
  source.on('error', () => send(0, () => target.resetAndDestroy()))
  source.on('close', () => send(0, () => target.destroySoon()))
}
