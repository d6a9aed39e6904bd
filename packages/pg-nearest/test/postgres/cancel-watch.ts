import { Socket } from 'node:net'

const CANCEL_REQUEST = Buffer.from([4, 210, 22, 46])

/** How many cancel requests of a pool had been sent when something was written, and how many of them were over. */
export class CancelWatch {
  /** By the word in quotes. */
  readonly at = new Map<string | undefined, { readonly begun: number; readonly over: number }>()
  #begun = 0
  #over = 0

  get count(): number {
    return this.#begun
  }

  /** The pool's option `stream`. */
  readonly stream = (): Socket => {
    const socket = new Socket()
    const { write } = socket
    const note = (bytes: Buffer): void => {
      const now = { begun: this.#begun, over: this.#over }
      for (const [, word] of bytes.toString('latin1').matchAll(/'(\w+)'/g)) this.at.set(word, now)
      if (!bytes.subarray(4, 8).equals(CANCEL_REQUEST)) return
      this.#begun++
      socket.once('close', () => this.#over++)
    }
    // Connecting undoes it.
    return socket.once('connect', () => {
      socket.write = (data: Uint8Array | string, ...rest: never[]): boolean => {
        note(Buffer.from(data as string))
        return Reflect.apply(write, socket, [data, ...rest]) as boolean
      }
    })
  }
}
