import { Socket } from 'node:net'

/** The first byte of each answer while a connection is made. */
const AUTHENTICATION = 'R'.charCodeAt(0)

/** Counts how often the statements of a pool cross the ocean to one server and back. */
export class RoundTripCounter {
  /** Connections to it that have been begun. */
  begun = 0
  readonly #port: number
  readonly #linkMs: number
  #heardAt = 0
  /** Of that server, to what was written before. */
  #answers: { readonly socket: Socket; readonly isHandshake: boolean }[] = []

  /**
   * @param url - leads to the server, from where the pool is.
   * @param linkMs - how long one round trip takes.
   */
  constructor(url: string, linkMs: number) {
    this.#port = Number(new URL(url).port)
    this.#linkMs = linkMs
  }

  /** The pool's option `stream`. */
  readonly stream = (): Socket => {
    const socket = new Socket()
    let written = 0
    socket.on('connect', () => {
      if (socket.remotePort === this.#port) this.begun++
    })
    socket.on('data', (data: Buffer) => {
      this.#heardAt = performance.now()
      const answers = socket.bytesWritten > written && socket.remotePort === this.#port
      if (answers) this.#answers.push({ socket, isHandshake: data[0] === AUTHENTICATION })
      written = socket.bytesWritten
    })
    return socket
  }

  /** Nothing has come for longer than anything takes that is on its way, such as the monitor's next connection. */
  get isQuiet(): boolean {
    return performance.now() - this.#heardAt > 3 * this.#linkMs
  }

  /**
   * The clock, for a link of a known length, counts too much if the machine is busy; the answers, if the pool's monitor asks meanwhile.
   * Neither counts too little. The next spare connection may be made beside: a handshake counts only where a statement has gone behind it.
   */
  async of<T>(work: () => Promise<T>): Promise<{ trips: number; ms: number; value: T }> {
    this.#answers = []
    const start = performance.now()
    const value = await work()
    const ms = performance.now() - start
    const used = new Set(this.#answers.filter(({ isHandshake }) => !isHandshake).map(({ socket }) => socket))
    const answers = this.#answers.filter(({ socket }) => used.has(socket)).length
    return { trips: Math.min(Math.round(ms / this.#linkMs), answers), ms, value }
  }
}
