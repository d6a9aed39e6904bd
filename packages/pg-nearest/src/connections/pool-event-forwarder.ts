import type pg from 'pg'
import { raiseLater } from '../raise-later.ts'
import { asItself } from '../pg-client/listening-user.ts'

/** The events of `pg.Pool`, and what the option `log` is told of each. */
const FORWARDED: ReadonlyMap<string, string> = new Map([
  ['connect', 'new client connected'],
  ['acquire', 'client acquired'],
  ['release', 'client released'],
  ['remove', 'client removed'],
])

/** Returns the promises that listeners have returned. */
export type OnEvent = (event: string, ...args: unknown[]) => readonly unknown[] | void

/** Passes on the events of `pg.Pool` that have listeners, and tells the option `log` of them. */
export class ForwardedEvents {
  readonly #onEvent: OnEvent
  readonly #log: pg.PoolConfig['log']
  readonly #wanted = new Set<string>()

  constructor(onEvent: OnEvent, log: pg.PoolConfig['log']) {
    this.#onEvent = onEvent
    this.#log = log
  }

  forward(event: string): void {
    if (FORWARDED.has(event)) this.#wanted.add(event)
  }

  /** What it throws is nobody's who has, or gives back, a connection. */
  log(message: string): void {
    try {
      this.#log?.(message)
    } catch (error) {
      raiseLater(error)
    }
  }

  /** The last argument is the client. */
  emit(event: string, ...args: unknown[]): void {
    if (this.#log !== undefined) this.log(FORWARDED.get(event) ?? event)
    if (this.#wanted.size === 0 || !this.#wanted.has(event)) return
    asItself(args.at(-1), () => this.#onEvent(event, ...args))
  }
}
