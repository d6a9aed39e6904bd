import { EventEmitter } from 'node:events'
import pg from 'pg'
import type { Engine, Scope } from '../execute/engine.ts'
import { ClientExecutor } from './client-executor.ts'
import type { ClientLimits } from '../client-connection/client-context.ts'
import { emitSafely } from '../events/emit-safely.ts'
import { withinDeadline } from '../limits/within-deadline.ts'
import type { QueryCallback, Request } from '../route/request.ts'
import { isSubmittable, parseQueryArguments } from '../route/parse-query-arguments.ts'
import { call, promiseOrCallback } from './promise-or-callback.ts'

const FORWARDED = ['notice', 'notification', 'error', 'end'] as const

/**
 * What `pool.connect()` lends: a `pg.PoolClient` that chooses a server for each statement, until one needs to stay on its connection
 * (BEGIN, SET, LISTEN, a temporary table, an advisory lock …). It holds at most one connection at a time, and moves only from a
 * replica to the primary.
 *
 * Statements run in the order in which they are given. A BEGIN for the primary is sent with the first statement behind it, and
 * statements of a transaction that are not awaited are sent together.
 */
export class BorrowedClient extends EventEmitter {
  readonly escapeIdentifier: typeof pg.escapeIdentifier = pg.escapeIdentifier
  readonly escapeLiteral: typeof pg.escapeLiteral = pg.escapeLiteral
  readonly #engine: Engine
  readonly #session: ClientExecutor
  readonly #types: pg.TypeOverrides = new pg.TypeOverrides()
  #ownTypes = false
  readonly #onReleased: () => void
  #released = false

  /** @param onReleased - called once, when the last statement has ended and the connection has been returned. */
  constructor(engine: Engine, scope: Scope, onReleased: () => void, limits: ClientLimits = {}) {
    super()
    this.#engine = engine
    this.#session = new ClientExecutor(engine, scope, (client, attached) => this.#forward(client, attached), limits)
    this.#onReleased = onReleased
  }

  /** As `query` of a `pg.Client`. */
  query(first: unknown, second?: unknown, third?: unknown): unknown {
    if (isSubmittable(first)) return this.#submit(first, second ?? third)
    const { request, callback } = parseQueryArguments(first, second, third)
    const config = this.#ownTypes ? { types: this.#types, ...request.config } : request.config
    return this.#runWith({ ...request, config }, callback)
  }

  /**
   * Returns the connection. With an error, or `true`, it is closed instead.
   *
   * @throws if the client was released before, as pg does.
   */
  release(error?: Error | boolean): void {
    if (this.#released) throw new Error('Release called on client which has already been released to the pool.')
    this.#released = true
    this.#session.release(error, this.#onReleased)
  }

  /**
   * Closes the connection if a cursor, a stream or a COPY is using it.
   *
   * @internal
   */
  endStream(why: string): void {
    this.#session.endStream(why)
  }

  /** The server that a connection was last taken to. */
  get lastServer(): string | undefined {
    return this.#session.lastServer
  }

  /** @internal */
  get waitingFor(): string | undefined {
    return this.#session.waitingFor
  }

  /** The backend's process ID, while this client holds a connection. */
  get processID(): number | null {
    return (this.#session.client as { processID?: number } | undefined)?.processID ?? null
  }

  /** `I`, `T` or `E` as PostgreSQL says it. */
  getTransactionStatus(): string | null {
    return this.#session.transactionStatus
  }

  getTypeParser(...args: Parameters<pg.TypeOverrides['getTypeParser']>): unknown {
    return this.#types.getTypeParser(...args)
  }

  setTypeParser(...args: Parameters<pg.TypeOverrides['setTypeParser']>): void {
    this.#ownTypes = true
    this.#types.setTypeParser(...args)
  }

  /** Does nothing, because connections are made on demand. */
  connect(callback?: QueryCallback): unknown {
    return promiseOrCallback(Promise.resolve(this), callback)
  }

  end(callback?: QueryCallback): unknown {
    if (!this.#released) this.release(true)
    return promiseOrCallback(Promise.resolve(undefined), callback)
  }

  ref(): void {}

  unref(): void {}

  /** Callbacks are called in the same tick in which the statement ends, as in pg. */
  #runWith(request: Request, callback: QueryCallback | undefined): unknown {
    const plain = request.timeoutMs === undefined && this.#engine.trace === undefined && !this.#released
    if (callback === undefined || !plain) return promiseOrCallback(this.#run(request), callback)
    this.#session.give(
      request,
      (result) => call(callback, undefined, result),
      (error) => call(callback, error as Error, undefined),
    )
    return undefined
  }

  #run(request: Request): Promise<object> {
    if (this.#released) return Promise.reject(released())
    const { trace } = this.#engine
    return trace === undefined
      ? this.#runInTime(request)
      : trace(request.config, this.#session.mode, () => this.#runInTime(request))
  }

  #runInTime(request: Request): Promise<object> {
    if (request.timeoutMs === undefined) return this.#session.run(request)
    return withinDeadline(request, (signal) => this.#session.run({ ...request, signal }), {
      whose: 'call',
      waitingFor: () => this.waitingFor,
    })
  }

  /** A cursor or a stream talks to the connection itself, so it runs on the primary and is never retried. */
  #submit<T extends pg.Submittable>(query: T, callback: unknown): T {
    const failing = query as T & { handleError?: (error: unknown, connection: unknown) => void; callback?: unknown }
    if (failing.callback === undefined && typeof callback === 'function') failing.callback = callback
    const submitted = this.#released
      ? Promise.reject(released())
      : this.#session.submit(query, this.#ownTypes ? this.#types : undefined)
    submitted.catch((error: unknown) => failing.handleError?.(error, null))
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
        // An 'error' without a listener would end the process. The statement that was lost rejects anyway.
        if (event !== 'error' || this.listenerCount('error') > 0) emitSafely(this, event, args)
      },
    ]),
  ) as Record<(typeof FORWARDED)[number], (...args: unknown[]) => void>
}

function released(): Error {
  return new Error('Client was released to the pool and is not queryable')
}
