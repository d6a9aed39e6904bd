import { internalsOf } from '../wire/pg-internals.ts'
import type { Connection } from './connection.ts'

export interface IdleOptions {
  /** 0: none expires. */
  readonly timeoutMs: number
  /** Idle connections do not keep the process alive. */
  readonly exits: boolean
  /** Whether one fewer would still be enough. */
  readonly mayExpire: () => boolean
  readonly onExpired: (connection: Connection) => void
}

/** Those that nobody uses, the last one used on top. One timer serves all, for one each shows in the time of a short read. */
export class IdleConnections {
  readonly #options: IdleOptions
  readonly #stack: Connection[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(options: IdleOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#stack.length
  }

  add(connection: Connection): void {
    connection.idleSince = performance.now()
    this.#stack.push(connection)
    if (this.#options.exits) internalsOf(connection.client).unref()
    if (this.#timer === undefined) this.#schedule()
  }

  take(): Connection | undefined {
    for (;;) {
      const connection = this.#stack.pop()
      if (connection === undefined) return undefined
      if (!connection.fit) continue
      if (this.#options.exits) internalsOf(connection.client).ref()
      return connection
    }
  }

  /** Whether it was there. */
  remove(connection: Connection): boolean {
    const at = this.#stack.indexOf(connection)
    if (at >= 0) this.#stack.splice(at, 1)
    return at >= 0
  }

  takeAll(): Connection[] {
    clearTimeout(this.#timer)
    this.#timer = undefined
    return this.#stack.splice(0)
  }

  /** The one at the bottom has been idle for longest. */
  #schedule(): void {
    const { timeoutMs, exits } = this.#options
    const [oldest] = this.#stack
    this.#timer = undefined
    if (timeoutMs === 0 || oldest === undefined) return
    const leftMs = oldest.idleSince + timeoutMs - performance.now()
    this.#timer = setTimeout(() => this.#expire(), Math.max(1, Math.ceil(leftMs)))
    if (exits) this.#timer.unref()
  }

  #expire(): void {
    const { timeoutMs, mayExpire, onExpired } = this.#options
    const now = performance.now()
    const due = this.#stack.filter(({ idleSince }) => idleSince + timeoutMs <= now)
    for (const connection of due) {
      // One that has to stay is looked at again as if it had just been used.
      if (!mayExpire()) connection.idleSince = now
      else if (this.remove(connection)) onExpired(connection)
    }
    this.#schedule()
  }
}
