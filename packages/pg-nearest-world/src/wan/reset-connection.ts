import type { Socket } from 'node:net'

/**
 * Ends a connection with a TCP reset.
 *
 * A socket that is just sending its FIN cannot be reset: Node would keep it open for ever, and could not end the process.
 */
export function resetConnection(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
