import { steadyNow } from '../sleep-aware-clock.ts'
import { internalsOf } from '../wire/pg-internals.ts'
import type { Connection } from '../pooled-connection/connection.ts'
import type { BegunConnection } from './make-connection.ts'

/** After one that failed or died before anybody had it, the next one is made this much later. Doubles each time. */
const PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000
/** A process that slept for so long has not heard what became of it. */
const ASLEEP_MS = 5_000
/** Sooner than whatever is between here and the server forgets a connection on which nothing happens. */
const KEEP_ALIVE_MS = 10_000

export interface SpareOptions {
  /** `undefined`: it could not even begin. */
  readonly begin: () => BegunConnection | undefined
  /** `Infinity`: for ever. */
  readonly lifetimeMs: number
}

/**
 * One connection that is made before anybody needs it. Until it is taken it is none of the pool's: it is not counted, its hooks have
 * not run, nobody hears of its end, and it does not keep the process alive.
 */
export class SpareConnection {
  readonly #options: SpareOptions
  #spare: BegunConnection | undefined
  /** Not closed yet. */
  readonly #open = new Set<Connection>()
  #pauseMs = 0
  /** By `performance.now()`. */
  #notBefore = 0
  /** By `steadyNow()`: it counts a machine's sleep in. */
  #lookedAt = 0

  constructor(options: SpareOptions) {
    this.#options = options
  }

  /** Those that are not closed yet. */
  get open(): number {
    return this.#open.size
  }

  /** Those of them that are being closed. */
  get closing(): number {
    return this.#spare === undefined ? this.#open.size : this.#open.size - 1
  }

  /**
   * Makes one unless there is one. To be called every second.
   *
   * @param hasRoom - whether there may be one more
   */
  keep(hasRoom: () => boolean): void {
    const now = performance.now()
    this.#lookedAt = steadyNow()
    // Whoever takes it has it for as long again.
    if (this.#spare !== undefined && now - this.#spare.connection.dialledAt > this.#options.lifetimeMs / 2) this.drop()
    if (this.#spare !== undefined || now < this.#notBefore || !hasRoom()) return
    const spare = this.#options.begin()
    if (spare === undefined) return this.#failed()
    this.#spare = spare
    this.#open.add(spare.connection)
    const lost = (): void => {
      if (this.#spare !== spare) return
      this.drop()
      this.#failed()
    }
    spare.connected.then(() => {
      if (this.#spare !== spare) return
      const { stream } = internalsOf(spare.connection.client).connection
      spare.connection.spare = true
      // A stream of the user's need not have these.
      stream.unref?.()
      stream.setKeepAlive?.(true, KEEP_ALIVE_MS)
      stream.once('close', lost)
    }, lost)
  }

  /** It is somebody's from now on. `undefined`: there is none. */
  take(): BegunConnection | undefined {
    if (this.#spare !== undefined && steadyNow() - this.#lookedAt > ASLEEP_MS) this.drop()
    const spare = this.#spare
    if (spare === undefined || spare.connection.hasDied) return undefined
    this.#spare = undefined
    this.#open.delete(spare.connection)
    this.#pauseMs = 0
    if (spare.connection.spare) internalsOf(spare.connection.client).connection.stream.ref?.()
    spare.connection.adopt()
    return spare
  }

  drop(): void {
    const connection = this.#spare?.connection
    // What hears of its end may want another one.
    this.#spare = undefined
    if (connection === undefined) return
    // Whoever awaits the pool's end goes on after it: the process must not end before.
    if (connection.spare) internalsOf(connection.client).connection.stream.ref?.()
    connection.close()
  }

  destroy(): void {
    this.#spare = undefined
    for (const each of this.#open) each.kill(new Error('The pool was destroyed'))
  }

  /** To be called when any connection has closed. */
  closed(connection: Connection): void {
    this.#open.delete(connection)
  }

  #failed(): void {
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2 || PAUSE_MS)
    this.#notBefore = performance.now() + this.#pauseMs
  }
}
