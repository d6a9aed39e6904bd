import { EventEmitter } from 'node:events'
import pg from 'pg'
import type { Engine, Scope } from '../execute/engine-interface.ts'
import { captureAsyncContext } from '../execute/capture-async-context.ts'
import { ClientExecutor } from './client-executor.ts'
import type { Holder } from '../client-state/held-connection.ts'
import type { ClientLimits } from '../client-state/client-context.ts'
import { emitSafely } from '../events/emit-safely.ts'
import { withinDeadline } from '../limits/within-deadline.ts'
import { runUsers } from '../raise-later.ts'
import { queryTimeoutOf, type QueryCallback, type Request } from '../route/request.ts'
import { limitSubmittable } from '../submittable/submittable-limit.ts'
import { mayPrecedeCommit } from '../client-transaction/pipelining-eligibility.ts'
import { isSubmittable, parseClientArguments } from '../execute/parse-query-arguments.ts'
import { isHeard, lendTo, type Borrower, type LentClient } from '../pg-client/lent-client-delegation.ts'
import { internalsOf, type ClientInternals } from '../wire/pg-internals.ts'
import { call, promiseOrCallback } from '../execute/promise-or-callback.ts'

/** What only a connection of its own tells. */
const OWN_EVENTS = ['notice', 'notification', 'end', 'drain'] as const
const FORWARDED: ReadonlySet<string | symbol> = new Set([...OWN_EVENTS, 'error'])

const USUAL_TYPES = new pg.TypeOverrides()
type Listener = Parameters<EventEmitter['on']>[1]

/**
 * What `pool.connect()` lends: a `pg.PoolClient` that chooses a server for each statement, until one needs to stay on its connection
 * (BEGIN, SET ROLE, LISTEN, a temporary table, an advisory lock …). It holds at most one connection at a time.
 *
 * Statements run in the order in which they are given. A BEGIN for the primary is sent with the first statement behind it, and
 * statements of a transaction that are not awaited are sent together.
 */
export class BorrowedClient extends EventEmitter implements Borrower {
  readonly #engine: Engine
  readonly #session: ClientExecutor
  /** Its own parsers. Made when they are needed, because they are not for most clients; so is what passes on events. */
  #types: pg.TypeOverrides | undefined
  /** By {@link open}. */
  #lent: LentClient | undefined
  #forwarders: Map<string | symbol, Listener> | undefined
  readonly #onReleased: () => void
  /** Its latest query, unless that was a cursor, a stream or a COPY. */
  #latest: Request | undefined
  #released = false
  /** Its listeners have heard of the loss of what it holds. */
  #isTold = false
  /** By `end`, after which it may still be released, as in pg. */
  #ended = false

  /** @param onReleased - called once, when the last statement has ended and the connection has been returned. */
  constructor(engine: Engine, scope: Scope, onReleased: () => void, limits: ClientLimits = {}) {
    super()
    this.#engine = engine
    const holder: Holder = {
      onHold: (client, held) => this.#forward(client, held),
      listens: () => OWN_EVENTS.some((event) => this.listenerCount(event) > 0) || this.#isHeard,
      misses: (lease) => this.#lent?.isMissed(lease) === true,
      onLoss: (error) => this.#released || this.#tellLoss(error),
    }
    this.#session = new ClientExecutor(engine, scope, holder, limits)
    this.#onReleased = onReleased
  }

  /** As `query` of a `pg.Client`. */
  query(first: unknown, second?: unknown, third?: unknown): unknown {
    if (isSubmittable(first)) {
      this.#latest = undefined
      void this.submit(first, typeof second === 'function' ? second : third)
      return first
    }
    const { request, callback } = parseClientArguments(first, second, third)
    this.#latest = request
    const types = this.#types
    const given = types === undefined ? request : { ...request, config: { types, ...request.config } }
    const captured = captureAsyncContext(this.#engine, given)
    return this.#runWith(request.config.name === undefined ? captured : this.#session.names.given(captured), callback)
  }

  /**
   * Returns the connection. With an error, or `true`, it is closed instead. May be called by itself, as pg's.
   *
   * @throws if the client was released before, as pg does.
   */
  readonly release = (error?: Error | boolean): void => {
    if (this.#ended) return void (this.#ended = false)
    if (this.#released) throw new Error('Release called on client which has already been released to the pool.')
    this.#released = true
    this.#session.release(error, this.#onReleased)
  }

  /**
   * Closes the connection if a cursor, a stream or a COPY is using it.
   *
   * @internal
   */
  endStream(why: Error): void {
    this.#session.endStream(why)
  }

  /** @internal See `TransactionClient`. */
  endLeftOpenStream(): () => void {
    return this.#session.endLeftOpenStream()
  }

  /**
   * Takes a connection to the only server, and lends pg's own client of it: the same each time that it is this connection, and what
   * listeners and hooks have been given.
   *
   * @throws what kept it from being taken; then it is released.
   */
  async open(): Promise<pg.PoolClient> {
    let client: pg.PoolClient
    try {
      client = await this.#session.open()
    } catch (error) {
      this.release()
      throw error
    }
    this.#lent = lendTo(client, this)
    client.release = this.release
    return client
  }

  /** @internal See `TransactionClient`. */
  mayPrecedeCommit(): boolean {
    return this.#latest !== undefined && mayPrecedeCommit(this.#latest, this.#engine)
  }

  /** @internal See `TransactionClient`. */
  get latestText(): unknown {
    return this.#latest?.config.text
  }

  /** The server that a connection was last taken to. */
  get lastServer(): string | undefined {
    return this.#session.lastServer
  }

  /** @internal */
  get waitingFor(): string | undefined {
    return this.#session.waitingFor
  }

  /** The backend's process ID, while this client holds a connection; so are those below of that connection. */
  get processID(): number | null {
    return this.#held?.processID ?? null
  }

  get secretKey(): ClientInternals['secretKey'] {
    return this.#held?.secretKey ?? null
  }

  get connection(): ClientInternals['connection'] | undefined {
    return this.#held?.connection
  }

  get host(): string | undefined {
    return this.#session.client?.host
  }

  get port(): number | undefined {
    return this.#session.client?.port
  }

  get database(): string | undefined {
    return this.#session.client?.database
  }

  get user(): string | undefined {
    return this.#session.client?.user
  }

  /** Whoever was lent pg's own client by {@link open} listens to it. Of what else that tells, nothing comes of a plain read. */
  get #isHeard(): boolean {
    const { client } = this.#session
    return client !== undefined && isHeard(client, this.#lent?.hearers)
  }

  get #held(): ClientInternals | undefined {
    const { client } = this.#session
    return client && internalsOf(client)
  }

  escapeIdentifier(text: string): string {
    return pg.escapeIdentifier(text)
  }

  escapeLiteral(text: string): string {
    return pg.escapeLiteral(text)
  }

  /** `I`, `T` or `E` as PostgreSQL says it. */
  getTransactionStatus(): string | null {
    return this.#session.transactionStatus
  }

  getTypeParser(...args: Parameters<pg.TypeOverrides['getTypeParser']>): unknown {
    return (this.#types ?? USUAL_TYPES).getTypeParser(...args)
  }

  setTypeParser(...args: Parameters<pg.TypeOverrides['setTypeParser']>): void {
    this.#types ??= new pg.TypeOverrides()
    this.#types.setTypeParser(...args)
  }

  /** Fails, as that of a client that pg's pool has lent. */
  connect(callback?: QueryCallback): unknown {
    const error = new Error('Client has already been connected. You cannot reuse a client.')
    return promiseOrCallback(Promise.reject(error), callback)
  }

  end(callback?: QueryCallback): unknown {
    if (!this.#released) {
      this.release(true)
      this.#ended = true
    }
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
    return withinDeadline(request, (signal) => this.#session.run({ ...request, signal, timeoutMs: undefined }), {
      whose: 'call',
      waitingFor: () => this.waitingFor,
    })
  }

  /**
   * Runs a cursor, a stream or a COPY, which talks to the connection itself. A cursor or a stream of rows that only reads runs where a read
   * runs, anything else on the primary. Resolves when it has ended; it tells itself how.
   *
   * @param timeoutMs - of its pool; `undefined`: no limit.
   */
  submit(query: pg.Submittable, callback?: unknown, timeoutMs?: number): Promise<void> {
    const failing = query as { handleError?: (error: unknown, connection: unknown) => void; callback?: unknown }
    if (!failing.callback && typeof callback === 'function') failing.callback = callback
    const submitted = this.#released ? Promise.reject(released()) : this.#submitInTime(query, timeoutMs)
    return submitted.catch((error: unknown) => runUsers(() => failing.handleError?.(error, null)))
  }

  #submitInTime(query: pg.Submittable, timeoutMs: number | undefined): Promise<void> {
    const times = { queryTimeoutMs: queryTimeoutOf(query) ?? this.#engine.queryTimeoutMs, timeoutMs }
    const limit = limitSubmittable(query, times, () => this.waitingFor)
    const submitted = this.#session.submit(query, this.#types, limit)
    return limit === undefined ? submitted : submitted.finally(limit.stop)
  }

  override on(event: string | symbol, listener: Listener): this {
    super.on(event, listener)
    this.#hear(event)
    return this
  }

  override addListener(event: string | symbol, listener: Listener): this {
    return this.on(event, listener)
  }

  override prependListener(event: string | symbol, listener: Listener): this {
    super.prependListener(event, listener)
    this.#hear(event)
    return this
  }

  /** From now on passes on this event of the connections that it holds. */
  #hear(event: string | symbol): void {
    if (!FORWARDED.has(event) || this.#forwarders?.has(event) === true) return
    const forwarder = (...args: unknown[]): unknown =>
      event === 'error' ? this.#tellLoss(args[0]) : emitSafely(this, event as string, args)
    this.#forwarders ??= new Map()
    this.#forwarders.set(event, forwarder)
    this.#session.client?.on(event as 'notice', forwarder)
  }

  /** Once for each connection, as pg does, and also where only this client is lost, or has let go of the connection before pg tells. */
  #tellLoss(error: unknown): void {
    if (this.#isTold) return
    this.#isTold = true
    const hearer = this.#lent === undefined ? this : this.#lent.hearerOfLoss
    if (hearer !== undefined) emitSafely(hearer, 'error', [error])
  }

  #forward(client: pg.PoolClient, attached: boolean): void {
    if (attached) this.#isTold = false
    if (attached) this.#lent?.follow(client)
    for (const [event, forwarder] of this.#forwarders ?? []) {
      if (attached) client.on(event as 'notice', forwarder)
      else client.removeListener(event, forwarder)
    }
  }
}

// Libraries ask whether it is a client of pg's. Nothing is inherited that is used.
Object.setPrototypeOf(BorrowedClient.prototype, Object.create(pg.Client.prototype) as object)
Object.defineProperty(BorrowedClient, 'name', { value: pg.Client.name })

function released(): Error {
  return new Error('Client was released to the pool and is not queryable')
}
