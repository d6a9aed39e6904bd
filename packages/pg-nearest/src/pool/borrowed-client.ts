import { EventEmitter } from 'node:events'
import pg from 'pg'
import type { Engine, Scope } from '../execute/engine.ts'
import { ClientSession } from '../execute/client-session.ts'
import { isSubmittable, parseCall, type QueryCallback } from '../execute/request.ts'
import { deliver } from './deliver.ts'

const FORWARDED = ['notice', 'notification', 'error', 'end'] as const

/**
 * What `pool.connect()` lends: a `pg.PoolClient` that chooses its server statement by statement, until something needs
 * one connection (BEGIN, SET, LISTEN, a temporary table, an advisory lock …); then it stays on it. It holds at most one
 * connection at a time, and moves only from a replica to the primary.
 *
 * Statements run in the order in which they are given, one at a time.
 */
export class BorrowedClient extends EventEmitter {
  readonly escapeIdentifier: typeof pg.escapeIdentifier = pg.escapeIdentifier
  readonly escapeLiteral: typeof pg.escapeLiteral = pg.escapeLiteral
  readonly #session: ClientSession
  readonly #types: pg.TypeOverrides = new pg.TypeOverrides()
  #ownTypes = false
  #queue: Promise<unknown> | undefined
  readonly #onReleased: () => void
  #released = false

  /** `onReleased` is called once, when its last statement has ended and its connection is given back. */
  constructor(engine: Engine, scope: Scope, onReleased: () => void) {
    super()
    this.#onReleased = onReleased
    this.#session = new ClientSession(engine, scope, (client, attached) => this.#forward(client, attached))
  }

  /** As `query` of a `pg.Client`. */
  query(first: unknown, second?: unknown, third?: unknown): unknown {
    if (isSubmittable(first)) return this.#submit(first, second ?? third)
    const { request, callback } = parseCall(first, second, third)
    const config = this.#ownTypes ? { types: this.#types, ...request.config } : request.config
    return deliver(
      this.#inTurn(() => this.#session.run({ ...request, config })),
      callback,
    )
  }

  /**
   * Gives the connection back. With an error, or `true`, it is closed instead.
   *
   * @throws if the client was released before, as pg does.
   */
  release(error?: Error | boolean): void {
    if (this.#released) throw new Error('Release called on client which has already been released to the pool.')
    this.#released = true
    const release = (): void => {
      this.#session.release(error)
      this.#onReleased()
    }
    if (this.#queue === undefined) release()
    else void this.#queue.then(release, release)
  }

  /** The process on the server, while this client holds a connection. */
  get processID(): number | null {
    return (this.#session.client as { processID?: number } | undefined)?.processID ?? null
  }

  /** `I`, `T` or `E` as PostgreSQL says it; `I` while no connection is held. */
  getTransactionStatus(): string | null {
    return this.#session.client?.getTransactionStatus() ?? 'I'
  }

  getTypeParser(...args: Parameters<pg.TypeOverrides['getTypeParser']>): unknown {
    return this.#types.getTypeParser(...args)
  }

  setTypeParser(...args: Parameters<pg.TypeOverrides['setTypeParser']>): void {
    this.#ownTypes = true
    this.#types.setTypeParser(...args)
  }

  /** Connections are made when they are needed: there is nothing to do. */
  connect(callback?: QueryCallback): unknown {
    return deliver(Promise.resolve(this), callback)
  }

  end(callback?: QueryCallback): unknown {
    if (!this.#released) this.release(true)
    return deliver(Promise.resolve(undefined), callback)
  }

  ref(): void {}

  unref(): void {}

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#released) return Promise.reject(new Error('Client was released to the pool and is not queryable'))
    const mine = this.#queue === undefined ? work() : this.#queue.then(work, work)
    this.#queue = mine
    const done = (): void => {
      if (this.#queue === mine) this.#queue = undefined
    }
    mine.then(done, done)
    return mine
  }

  /** A cursor or a stream talks to the connection itself and cannot be tried elsewhere: it runs on the primary. */
  #submit<T extends pg.Submittable>(query: T, callback: unknown): T {
    const failing = query as T & { handleError?: (error: unknown, connection: unknown) => void; callback?: unknown }
    if (failing.callback === undefined && typeof callback === 'function') failing.callback = callback
    this.#inTurn(() => this.#session.submit(query)).catch((error: unknown) => failing.handleError?.(error, null))
    return query
  }

  #forward(client: pg.PoolClient, attached: boolean): void {
    for (const event of FORWARDED) {
      const listener = this.#listeners[event]
      if (attached) client.on(event as 'notice', listener)
      else client.removeListener(event, listener)
    }
  }

  readonly #listeners = Object.fromEntries(
    FORWARDED.map((event) => [
      event,
      (...args: unknown[]): void => {
        // An 'error' without a listener would end the process; the statement that was lost rejects anyway.
        if (event !== 'error' || this.listenerCount('error') > 0) this.emit(event, ...args)
      },
    ]),
  ) as Record<(typeof FORWARDED)[number], (...args: unknown[]) => void>
}
