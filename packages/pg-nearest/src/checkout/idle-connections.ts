import type pg from 'pg'
import { lastSuiting, type Preference } from './connection-preference.ts'
import type { Connection } from '../pooled-connection/connection.ts'

export interface IdleOptions {
  /** 0: never. */
  readonly timeoutMs: number
  /** What expires does not keep the process alive. */
  readonly exits: boolean
  /** Whether there are more connections than `min`. */
  readonly mayExpire: () => boolean
  readonly onExpired: (connection: Connection) => void
}

/** As `pg.Pool`. */
const DEFAULT_TIMEOUT_MS = 10_000

/** 0: never. */
export function idleTimeoutOf({ idleTimeoutMillis = DEFAULT_TIMEOUT_MS }: pg.PoolConfig): number {
  return idleTimeoutMillis ?? 0
}

/** A stack of idle connections, the most recently used on top. They share one timer, because one each is measurable on short reads. */
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
    if (this.#timer === undefined) this.#schedule()
  }

  /** Those that can be lent, the most recently used last. */
  get usable(): readonly Connection[] {
    return this.#stack.every((each) => each.usable) ? this.#stack : this.#stack.filter((each) => each.usable)
  }

  /** The most recently used one; with a preference, of those that lead to such a machine, or have not told theirs. */
  take(preference?: Preference): Connection | undefined {
    const isUsable = ({ usable }: Connection): boolean => usable
    const connection = preference === undefined ? this.#stack.findLast(isUsable) : lastSuiting(this.usable, preference)
    if (connection !== undefined) this.remove(connection)
    return connection
  }

  /** Returns whether it was idle. */
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

  /** The connection at the bottom has been idle for longest. */
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
      // `min` keeps it: it is checked again after another time-out.
      if (!mayExpire()) connection.idleSince = now
      else if (this.remove(connection)) onExpired(connection)
    }
    this.#schedule()
  }
}
