import pg from 'pg'
import { NearestError } from '../errors.ts'
import type { ClientLimits } from '../client/client-context.ts'
import type { ServerConnections } from '../connections/server-connections-types.ts'
import type { Scope } from '../execute/engine.ts'
import { executeStatement } from '../execute/execute-statement.ts'
import { withinDeadline } from '../limits/deadline.ts'
import { parseCall, timeoutOf, type Call, type QueryCallback, type Request } from '../route/request.ts'
import { BorrowedClient } from './borrowed-client.ts'
import { promiseOrCallback } from './promise-or-callback.ts'
import type { RoutedClient, Transaction } from './routed-client.ts'
import type { ArrayRow, Callback, Routed, Row, Served } from './query-types.ts'
import type { Servers } from './servers.ts'
import { withRetries } from './transaction-retry.ts'
import { retriesOf, runTransaction, type TransactionOptions } from './transaction.ts'

type Done = (release?: Error | boolean) => void
type ConnectCallback = (error: Error | undefined, client: RoutedClient | undefined, done: Done) => void

type Work<T> = (transaction: Transaction) => T | Promise<T>

/** What a pool and its handles share. */
export interface PoolParts {
  readonly servers: Servers
  /** What `pool.options` shows: nothing that names a server. */
  readonly options: pg.PoolConfig
}

/**
 * The face of a `pg.Pool` over several servers; it is `instanceof pg.Pool`, so that libraries take it. The base class
 * opens no connection of its own. A handle (`pool.primary`, `pool.replica()`) is one of these with a narrower scope.
 */
export class RoutedPool extends pg.Pool {
  readonly #servers: Servers
  readonly #scope: Scope

  /** @internal */
  constructor({ servers, options }: PoolParts, scope: Scope) {
    super(options)
    this.#servers = servers
    this.#scope = scope
    // pg types these as properties and makes them accessors, so neither kind of override fits both.
    for (const [name, count] of COUNTS) {
      Object.defineProperty(this, name, { get: () => sum(servers.connections, count) })
    }
  }

  /**
   * Runs a statement where it belongs, in all the forms of pg's `query`. The result says by whom (`servedBy`).
   *
   * Cost: one round trip to the server that runs it. A text that only a standby's refusal shows to be a write costs one
   * trip to that standby more, the first time.
   *
   * @throws pg's `DatabaseError` for what is wrong with the statement; a `NearestError` for what is wrong with the servers.
   */
  override query<T extends pg.Submittable>(stream: T): T
  override query<R extends unknown[] = ArrayRow, I = unknown[]>(
    config: Routed<pg.QueryArrayConfig<I>>,
    values?: pg.QueryConfigValues<I>,
  ): Promise<Served<pg.QueryArrayResult<R>>>
  override query<R extends Row = Row, I = unknown[]>(
    textOrConfig: string | Routed<pg.QueryConfig<I>>,
    values?: pg.QueryConfigValues<I>,
  ): Promise<Served<pg.QueryResult<R>>>
  override query<R extends unknown[] = ArrayRow, I = unknown[]>(
    config: Routed<pg.QueryArrayConfig<I>>,
    callback: Callback<pg.QueryArrayResult<R>>,
  ): void
  override query<R extends Row = Row, I = unknown[]>(
    textOrConfig: string | Routed<pg.QueryConfig<I>>,
    callback: Callback<pg.QueryResult<R>>,
  ): void
  override query<R extends Row = Row, I = unknown[]>(
    text: string,
    values: pg.QueryConfigValues<I>,
    callback: Callback<pg.QueryResult<R>>,
  ): void
  override query(first: unknown, second?: unknown, third?: unknown): unknown {
    let call: Call
    try {
      call = parseCall(first, second, third)
    } catch (error) {
      const callback = [first, second, third].find((argument) => typeof argument === 'function')
      return promiseOrCallback(Promise.reject(error as Error), callback as QueryCallback | undefined)
    }
    return promiseOrCallback(this.#execute(call.request), call.callback)
  }

  /**
   * Lends a client that chooses its server statement by statement, until something needs one connection. Costs nothing
   * by itself: the connection is taken with the first statement. Release it, as one of `pg.Pool`.
   */
  override connect(): Promise<RoutedClient>
  override connect(callback: ConnectCallback): void
  override connect(callback?: ConnectCallback): Promise<RoutedClient> | void {
    if (this.#servers.ending) {
      if (callback === undefined) return Promise.reject(ended())
      return void process.nextTick(callback, ended(), undefined, () => undefined)
    }
    const client = this.#lend()
    if (callback === undefined) return Promise.resolve(client)
    process.nextTick(callback, undefined, client, (error?: Error | boolean) => client.release(error))
  }

  /**
   * Runs `work` between BEGIN and COMMIT on one connection of the primary (with `readOnly`, of the nearest replica, in
   * one read-only transaction), and rolls back if it throws.
   *
   * Cost: n + 1 round trips for n statements that are awaited one by one, for BEGIN travels with the first one. What
   * `work` does not wait for travels together, COMMIT included: one round trip, if it waits for nothing.
   *
   * @returns what `work` returns.
   * @throws what `work` throws; `OutcomeUnknownError` if the connection died with the COMMIT on its way.
   */
  transaction<T>(work: Work<T>): Promise<T>
  transaction<T>(options: TransactionOptions, work: Work<T>): Promise<T>
  async transaction<T>(first: TransactionOptions | Work<T>, second?: Work<T>): Promise<T> {
    const work = typeof first === 'function' ? first : second
    if (work === undefined) throw new TypeError('transaction() needs a function to run: transaction(async (tx) => …)')
    const options = typeof first === 'function' ? {} : first
    const retries = retriesOf(options)
    const { readOnly } = options
    const avoid: string[] = []
    return withinDeadline({ signal: options.signal, timeoutMs: timeoutOf(options) }, (signal) =>
      withRetries(retries, signal, async () => {
        const client = this.#lend({ signal, readOnly, avoid })
        try {
          return await runTransaction(client, { ...options, signal }, work)
        } catch (error) {
          // What stood in its way there, such as replay, may well do so again.
          if (readOnly === true && client.lastServer !== undefined) avoid.push(client.lastServer)
          throw error
        }
      }),
    )
  }

  /** @throws NearestError if the pool was ended. */
  #lend(limits?: ClientLimits): RoutedClient & BorrowedClient {
    const { engine, ending, inFlight } = this.#servers
    if (ending) throw ended()
    inFlight.begin()
    return new BorrowedClient(engine, this.#scope, inFlight.end, limits) as unknown as RoutedClient & BorrowedClient
  }

  #execute(request: Request): Promise<unknown> {
    const { engine, ending, inFlight } = this.#servers
    if (ending) return Promise.reject(ended())
    inFlight.begin()
    const { trace } = engine
    if (trace === undefined) return executeStatement(engine, this.#scope, request, inFlight.end)
    return trace(request.config, () => executeStatement(engine, this.#scope, request, inFlight.end))
  }

  /** A handle's connections are its pool's: this does nothing, and ending the pool ends them. */
  override end(): Promise<void>
  override end(callback: () => void): void
  override end(callback?: () => void): Promise<void> | void {
    return promiseOrCallback(Promise.resolve(), callback)
  }
}

/** Over all servers: open connections, those that wait for work, and statements that wait for a connection. */
const COUNTS = [
  ['totalCount', 'total'],
  ['idleCount', 'idle'],
  ['waitingCount', 'waiting'],
] as const

function sum(connections: Iterable<ServerConnections>, count: 'total' | 'idle' | 'waiting'): number {
  let all = 0
  for (const each of connections) all += each[count]
  return all
}

function ended(): NearestError {
  return new NearestError('NEAREST_ENDED', 'The pool was ended: make a new one, or end it later.')
}
