import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { takeData, watchWrites } from './take-data.ts'

const CANCEL_REQUEST = Buffer.from([4, 210, 22, 46])
/** ReadyForQuery, but for the status that follows. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5])

export function isCancelRequest(bytes: Buffer): boolean {
  return bytes.subarray(4, 8).equals(CANCEL_REQUEST)
}

/** How many cancel requests of a pool had been sent when something was written, and how many of them were over. */
export class CancelWatch {
  /** By the word in quotes. */
  readonly at = new Map<string | undefined, { readonly begun: number; readonly over: number }>()
  readonly #apartMs: number
  #begun = 0
  #over = 0

  /** @param apartMs - how long after an answer the next one comes, as from a slow machine. */
  constructor(apartMs = 0) {
    this.#apartMs = apartMs
  }

  get count(): number {
    return this.#begun
  }

  /** The pool's option `stream`. */
  readonly stream = (): Socket => {
    const socket = new Socket()
    if (this.#apartMs > 0) keepApart(socket, this.#apartMs)
    watchWrites(socket, (bytes) => {
      const now = { begun: this.#begun, over: this.#over }
      for (const [, word] of bytes.toString('latin1').matchAll(/'(\w+)'/g)) this.at.set(word, now)
      if (!isCancelRequest(bytes)) return
      this.#begun++
      socket.once('close', () => this.#over++)
    })
    return socket
  }
}

function keepApart(socket: Socket, ms: number): void {
  let free: Promise<unknown> = Promise.resolve()
  takeData(socket, (chunk, pass) => {
    for (const answer of answersIn(chunk)) free = free.then(() => pass(answer)).then(() => sleep(ms))
  })
}

function answersIn(chunk: Buffer): Buffer[] {
  const answers: Buffer[] = []
  for (let from = 0; from < chunk.length;) {
    const ready = chunk.indexOf(READY, from)
    const to = ready < 0 ? chunk.length : ready + READY.length + 1
    answers.push(chunk.subarray(from, to))
    from = to
  }
  return answers
}
