import type { Socket } from 'node:net'

/** Hands what comes in on a socket to `take`, which passes it on when it sees fit. */
export function takeData(socket: Socket, take: (chunk: Buffer, pass: (chunk: Buffer) => void) => void): void {
  const { emit } = socket
  const pass = (chunk: Buffer): void => void Reflect.apply(emit, socket, ['data', chunk])
  socket.emit = (...event: unknown[]): boolean => {
    if (event[0] !== 'data') return Reflect.apply(emit, socket, event) as boolean
    take(event[1] as Buffer, pass)
    return true
  }
}

/** Shows what is written to a socket, as soon as it is connected: connecting would undo it. */
export function watchWrites(socket: Socket, see: (bytes: Buffer) => void): void {
  const { write } = socket
  socket.once('connect', () => {
    socket.write = (data: Uint8Array | string, ...rest: never[]): boolean => {
      see(Buffer.from(data as string))
      return Reflect.apply(write, socket, [data, ...rest]) as boolean
    }
  })
}
