const FORWARDED: ReadonlySet<string> = new Set(['connect', 'acquire', 'remove', 'release'])

/** Passes on the events of `pg.Pool` that have listeners. */
export class ForwardedEvents {
  readonly #onEvent: (event: string, ...args: unknown[]) => void
  readonly #wanted = new Set<string>()

  constructor(onEvent: (event: string, ...args: unknown[]) => void) {
    this.#onEvent = onEvent
  }

  forward(event: string): void {
    if (FORWARDED.has(event)) this.#wanted.add(event)
  }

  emit(event: string, ...args: unknown[]): void {
    if (this.#wanted.size > 0 && this.#wanted.has(event)) this.#onEvent(event, ...args)
  }
}
