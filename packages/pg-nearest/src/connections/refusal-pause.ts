/** After a server has refused a connection, the next attempt waits this long, or until one of ours closes. */
const PAUSE_MS = 250
/** The pause doubles up to this while the server keeps refusing. */
const LONGEST_PAUSE_MS = 4_000

/** How long no connection is dialled, because the server has refused one. */
export class RefusalPause {
  readonly #onOver: () => void
  readonly #longestWaitMs: () => number
  #active = false
  #refusals = 0
  /** When the server refused one first, if nobody has got a connection since. */
  #since: number | undefined
  #error: unknown
  /** When the latest pause was over. */
  #overAt: number | undefined
  #timer: NodeJS.Timeout | undefined

  /** @param longestWaitMs - see `ServerConnectionsOptions.refusedWaitMs` */
  constructor(onOver: () => void, longestWaitMs: () => number) {
    this.#onOver = onOver
    this.#longestWaitMs = longestWaitMs
  }

  get active(): boolean {
    return this.#active
  }

  /** Why nobody should wait any longer; `undefined` while somebody may. */
  get hopeless(): unknown {
    return this.active && this.#leftMs <= 0 ? this.#error : undefined
  }

  /** The server has refused a connection. */
  begin(error: unknown): void {
    const now = performance.now()
    // Nobody has waited for so long that what was refused then says nothing about now.
    if (this.#overAt !== undefined && now - this.#overAt >= this.#longestWaitMs()) this.served()
    this.#overAt = undefined
    this.#error = error
    this.#since ??= now
    const pauseMs = Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** this.#refusals++, Math.max(PAUSE_MS, this.#leftMs))
    this.#active = true
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.cut()
      this.#onOver()
    }, pauseMs)
  }

  get #leftMs(): number {
    const now = performance.now()
    return (this.#since ?? now) + this.#longestWaitMs() - now
  }

  /** Ends the pause: something has changed that the server may have refused for. */
  cut(): void {
    if (this.#active) this.#overAt = performance.now()
    this.#active = false
  }

  /** One of ours has come back: others may. */
  served(): void {
    this.#since = undefined
  }

  /** The server has taken a connection: the next pause is a short one. */
  reset(): void {
    this.#refusals = 0
    this.served()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
