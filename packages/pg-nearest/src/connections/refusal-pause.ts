/** After a server has refused a connection, the next attempt waits this long, or until one of ours closes. */
const PAUSE_MS = 250
/** The pause doubles up to this while the server keeps refusing. */
const LONGEST_PAUSE_MS = 4_000

/** How long no connection is dialled, because the server has refused one. */
export class RefusalPause {
  readonly #onOver: () => void
  #until = 0
  #refusals = 0
  #timer: NodeJS.Timeout | undefined

  constructor(onOver: () => void) {
    this.#onOver = onOver
  }

  get active(): boolean {
    return performance.now() < this.#until
  }

  /** The server has refused a connection. */
  begin(): void {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** this.#refusals++)
    this.#until = performance.now() + pauseMs
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      // The timer may fire early by this clock, and nothing else would dial.
      this.cut()
      this.#onOver()
    }, pauseMs)
  }

  /** Ends the pause: something has changed that the server may have refused for. */
  cut(): void {
    this.#until = 0
  }

  /** The server has taken a connection: the next pause is a short one. */
  reset(): void {
    this.#refusals = 0
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
