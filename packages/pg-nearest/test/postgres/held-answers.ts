import { Socket } from 'node:net'
import { isCancelRequest } from './cancel-watch.ts'
import { takeData, watchWrites } from './take-data.ts'

/** The answers of one server to a statement do not come before it is cancelled there. */
export class HeldAnswers {
  readonly #port: number
  readonly #text: string
  readonly #connections = new Set<Held>()

  /**
   * @param url - leads to the server, from where the pool is.
   * @param text - what the statement has, and nothing else.
   */
  constructor(url: string, text: string) {
    this.#port = Number(new URL(url).port)
    this.#text = text
  }

  /** The pool's option `stream`. */
  readonly stream = (): Socket => {
    const socket = new Socket()
    const held = new Held(socket)
    watchWrites(socket, (bytes) => {
      if (socket.remotePort !== this.#port) return
      if (isCancelRequest(bytes)) this.#release(bytes.subarray(8))
      else if (bytes.includes(this.#text)) held.begin()
    })
    this.#connections.add(held)
    socket.once('close', () => this.#connections.delete(held))
    return socket
  }

  #release(key: Buffer): void {
    for (const held of this.#connections) if (held.login.includes(key)) held.end()
  }
}

class Held {
  /** What has come before anything was held, with the key that cancels. */
  login = Buffer.alloc(0)
  #waiting: (() => void)[] | undefined

  constructor(socket: Socket) {
    takeData(socket, (chunk, pass) => {
      if (this.#waiting !== undefined) return void this.#waiting.push(() => pass(chunk))
      if (this.login.length < 1_000) this.login = Buffer.concat([this.login, chunk])
      pass(chunk)
    })
  }

  begin(): void {
    this.#waiting ??= []
  }

  end(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const pass of waiting) pass()
  }
}
