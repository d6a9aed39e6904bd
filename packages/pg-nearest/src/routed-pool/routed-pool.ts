import type pg from 'pg'
import type { ClientLimits } from '../client-state/client-context.ts'
import { OptionError } from '../errors.ts'
import { currentWitness } from '../events/served-by-collector.ts'
import type { ServedBy } from '../events/served-by.ts'
import { CONSISTENCIES, isConsistency, type Consistency } from '../session/consistency.ts'
import { currentConsistency } from '../session/current-consistency.ts'
import type { ServerConnections } from '../connections/server-connections-types.ts'
import { scopeNow, type Engine, type Scope } from '../execute/engine-interface.ts'
import { executeStatement } from '../execute/execute-statement.ts'
import { captureAsyncContext } from '../execute/capture-async-context.ts'
import { shareConnections } from '../flight/share-connections.ts'
import { withinDeadline } from '../limits/within-deadline.ts'
import type { Call, QueryCallback, Request } from '../route/request.ts'
import { isSubmittable, parseQueryArguments, timeoutOf } from '../execute/parse-query-arguments.ts'
import { BorrowedClient } from '../client/borrowed-client.ts'
import { promiseOrCallback } from '../execute/promise-or-callback.ts'
import { asCalled } from '../tracers/caller-context.ts'
import type { RoutedClient, Transaction } from '../route/query-types.ts'
import type { ArrayRow, Callback, Routed, Row, Served } from '../route/query-types.ts'
import {
  checkBatchOptions,
  parseBatch,
  routeBatch,
  runBatch,
  type BatchOptions,
  type BatchOutcome,
  type BatchStatement,
  type BatchTransactionOptions,
} from '../transaction/batch-options-and-routing.ts'
import { nameAsPgPool, PgPoolPrototype } from './pg-pool-prototype.ts'
import { endedError } from '../servers/ended-error.ts'
import type { Servers } from '../servers/servers.ts'
import { submitOnPool } from './submit-on-pool.ts'
import { withRetries } from '../transaction/transaction-retry.ts'
import {
  checkTransactionOptions,
  retriesOf,
  runTransaction,
  type TransactionOptions,
} from '../transaction/transaction.ts'

type Done = (release?: Error | boolean) => void
type ConnectCallback = (error: Error | undefined, client: RoutedClient | undefined, done: Done) => void

type Work<T> = (transaction: Transaction) => T | Promise<T>

/** @internal What a pool shares with its handles. */
export interface PoolParts {
  readonly servers: Servers
  /** What pg's constructor has made of the options, which contain nothing that names a server. */
  readonly face: pg.Pool
}

/** `pg.Pool`'s counts, summed over all servers. */
const COUNTS = [
  ['totalCount', 'total'],
  ['idleCount', 'idle'],
  ['waitingCount', 'waiting'],
  ['expiredCount', 'expired'],
] as const

/**
 * A `pg.Pool` over several servers. It is `instanceof pg.Pool`, so that libraries accept it, but the base class opens no connections.
 * Handles (`pool.primary`, `pool.replica()`) are of this class, too, with a narrower scope.
 */
export class RoutedPool extends PgPoolPrototype {
  readonly #servers: Servers
  readonly #scope: Scope

  /** @internal */
  constructor({ servers, face }: PoolParts, scope: Scope) {
    super(face)
    this.#servers = servers
    this.#scope = scope
  }

  static {
    nameAsPgPool(this)
    // pg's types declare these as properties and its code as accessors, so they cannot be overridden in the usual way.
    for (const [name, count] of COUNTS) {
      Object.defineProperty(this.prototype, name, {
        configurable: true,
        get(this: RoutedPool) {
          return sum(this.#servers.connections, count)
        },
      })
    }
  }

  /**
   * Runs a statement on the server where it belongs, in all the forms of pg's `query`. The result's `servedBy` says which it was. A cursor,
   * a stream or a COPY is returned, and has a connection until it has been read to its end, has failed, or was closed.
   *
   * Cost: one round trip to that server. A text that looks like a read but writes costs another round trip to a standby the first
   * time.
   *
   * @throws pg's `DatabaseError` if the statement is at fault; a `NearestError` if the servers are.
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
    let call: Call | undefined
    try {
      call = isSubmittable(first) ? undefined : parseQueryArguments(first, second, third)
    } catch (error) {
      const callback = [first, second, third].find((argument) => typeof argument === 'function')
      return this.asOwnPromise(promiseOrCallback(Promise.reject(error as Error), callback as QueryCallback | undefined))
    }
    if (call === undefined) {
      const { timeoutMs } = this.#servers.engine
      const callback = typeof second === 'function' ? second : third
      return this.asOwnPromise(submitOnPool(this.#lend(), first as pg.Submittable, callback, timeoutMs))
    }
    return this.asOwnPromise(
      promiseOrCallback(this.#execute(captureAsyncContext(this.#servers.engine, call.request)), call.callback),
    )
  }

  /**
   * Lends a client. Release it, as with `pg.Pool`.
   *
   * With one server it is pg's own client of a connection, which is taken now, as by `pg.Pool`: so an error, a full pool and
   * `connectionTimeoutMillis` show here. With several, it chooses a server for each statement, until one needs to stay on its connection,
   * and costs nothing by itself: a connection is taken with the first statement, which says where it belongs.
   *
   * @throws with one server, what `query` throws when there is no connection.
   */
  override connect(): Promise<RoutedClient>
  override connect(callback: ConnectCallback): void
  override connect(callback?: ConnectCallback): Promise<RoutedClient> | void {
    const { ended } = this.#servers
    if (ended.aborted) {
      if (callback === undefined) return this.asOwnPromise(Promise.reject(endedError()))
      return void process.nextTick(callback, endedError(), undefined, () => undefined)
    }
    const borrowed = this.#lend()
    const { hasChoice } = this.#servers.engine
    const lent = hasChoice ? Promise.resolve(borrowed) : (borrowed.open() as Promise<RoutedClient>)
    if (callback === undefined) return this.asOwnPromise(lent)
    const done: Done = (error) => borrowed.release(error)
    lent.then(
      (client) => process.nextTick(callback, undefined, client, done),
      (error: Error) => process.nextTick(callback, error, undefined, () => undefined),
    )
  }

  /**
   * Runs `work` between BEGIN and COMMIT on one connection to the primary, or with `readOnly` to the nearest replica, and rolls back
   * if it throws.
   *
   * Cost: n + 1 round trips for n statements that are awaited one by one, because BEGIN is sent with the first. Statements that are
   * not awaited are sent together with what follows, COMMIT included: one round trip if nothing is awaited. So is the statement whose
   * own promise `work` returns, and that of {@link Transaction.commitWith}: n round trips, and one for a single statement.
   *
   * @returns what `work` returns.
   * @throws what `work` throws; `OutcomeUnknownError` if the connection died with the COMMIT in flight; `NearestError` with code
   *   `NEAREST_COMMITTED` if all was committed behind a statement whose rows a type parser cannot read, or ahead of an abort.
   */
  transaction<T>(work: Work<T>): Promise<T>
  transaction<T>(options: TransactionOptions, work: Work<T>): Promise<T>
  async transaction<T>(first: TransactionOptions | Work<T>, second?: Work<T>): Promise<T> {
    const work = typeof first === 'function' && second === undefined ? first : second
    if (typeof work !== 'function') {
      throw new TypeError(
        'transaction() needs a function to run, behind its options: transaction({ readOnly: true }, async (tx) => …)',
      )
    }
    const options = typeof first === 'function' ? {} : first
    checkTransactionOptions(options)
    const retries = retriesOf(options)
    const { readOnly } = options
    const avoid: string[] = []
    let client: BorrowedClient | undefined
    const run = (signal: AbortSignal | undefined): Promise<T> =>
      withRetries(retries, signal, async (forbidRetry) => {
        const lent = this.#lend({ signal, readOnly, avoid, allOrNothing: true })
        client = lent
        try {
          return await runTransaction(lent, { ...options, signal }, work, forbidRetry)
        } catch (error) {
          // A recovery conflict is likely to happen there again.
          if (readOnly === true && lent.lastServer !== undefined) avoid.push(lent.lastServer)
          throw error
        }
      })
    return withinDeadline({ signal: options.signal, timeoutMs: timeoutOf(options) }, run, {
      whose: 'transaction',
      waitingFor: () => client?.waitingFor,
    })
  }

  /** @internal A promise of the class that the option `Promise` names; anything else as it is. */
  protected asOwnPromise<T>(value: T): T {
    const { Promise: Own = Promise } = this.options
    if (Own === Promise || !(value instanceof Promise)) return value
    return new Own((resolve, reject) => {
      value.then(resolve, reject)
    }) as T
  }

  /**
   * Runs many statements in one flight: those for one server are sent on one connection, one right behind the other, in their order, and
   * each has its own result or error, as `Promise.allSettled` tells them. Reads ahead of the first statement that writes go where reads go;
   * that one and all behind it go to the primary. Each is committed by itself, so that one that fails undoes none of the others; one that
   * the connection died under is run again only if it reads, and otherwise rejects with `OutcomeUnknownError`.
   *
   * With `{ transaction: true }` they are one transaction on the primary, whose COMMIT travels with the last statement: either all results,
   * or the first error, and nothing has happened, but for an error with code `NEAREST_COMMITTED`: a type parser has thrown on what was
   * committed.
   *
   * Cost: one round trip to each server that is involved, on one connection, which is busy meanwhile: what takes long holds up those behind
   * it. Names of prepared statements are ignored.
   *
   * @example
   * ```ts
   * import { createPool } from 'pg-nearest'
   *
   * const pool = createPool({ primary: 'postgres://nrt.example.com/app' })
   * const outcomes = await pool.batch([
   *   'select count(*) from users',
   *   { text: 'insert into users (name) values ($1)', values: ['Ada'] },
   * ])
   * for (const outcome of outcomes) console.log(outcome.status === 'fulfilled' ? outcome.value.rows : outcome.reason)
   * ```
   *
   * @throws `OptionError` or `TypeError` for a statement that cannot be part of a batch (transaction control, COPY, cursors, limits of its
   *   own); then none is sent.
   */
  batch(statements: readonly BatchStatement[], options?: BatchOptions): Promise<BatchOutcome[]>
  batch(statements: readonly BatchStatement[], options: BatchTransactionOptions): Promise<Served<pg.QueryResult>[]>
  async batch(
    statements: readonly BatchStatement[],
    options: BatchOptions | BatchTransactionOptions = {},
  ): Promise<BatchOutcome[] | Served<pg.QueryResult>[]> {
    checkBatchOptions(options)
    const requests = parseBatch(statements)
    const { transaction, ...rest } = options as Partial<BatchTransactionOptions>
    if (requests.length === 0) return []
    if (transaction === true) return this.transaction(rest, (tx) => runBatch(tx, requests))
    const limits = { signal: options.signal, timeoutMs: timeoutOf(options) }
    return withinDeadline(limits, (signal) => {
      const engine = shareConnections(this.#servers.engine, signal)
      const routed = this.#scope.readOnly ? requests : routeBatch(requests, engine.statements)
      return Promise.allSettled(
        routed.map(
          (request) =>
            this.#execute({ ...request, config: asCalled(request.config), signal }, engine) as Promise<
              Served<pg.QueryResult>
            >,
        ),
      )
    })
  }

  /**
   * Runs `work`, whose reads show what `consistency` asks for, unless they ask for something themselves: for libraries whose queries take no
   * such option. They stay in the caller's session.
   *
   * @example
   * ```ts
   * import { createPool } from 'pg-nearest'
   *
   * const pool = createPool({ primary: 'postgres://localhost/app' })
   * const balance = await pool.withConsistency('strong', () => pool.query('select credit from accounts'))
   * ```
   *
   * @throws OptionError if it is none.
   */
  async withConsistency<T>(consistency: Consistency, work: () => T | PromiseLike<T>): Promise<T> {
    if (!isConsistency(consistency)) throw new OptionError('consistency', `consistency must be ${CONSISTENCIES}.`)
    // Awaited in there, because queries of some libraries begin only when they are.
    return currentConsistency.run(this.#servers.scope, consistency, async () => await work())
  }

  /**
   * Runs `work`, and tells which servers have answered it and why, one for each statement, in the order of the answers: for libraries that
   * hand on rows only. What runs in `work` in a `servedBy` of its own is told there.
   */
  async servedBy<T>(work: () => T | PromiseLike<T>): Promise<{ result: T; servedBy: readonly ServedBy[] }> {
    const servedBy: ServedBy[] = []
    const result = await currentWitness.run(this.#servers.scope, servedBy, async () => await work())
    return { result, servedBy }
  }

  /** @internal Whether the caller runs in an explicit session. */
  get isInSession(): boolean {
    return (this.#scope.session ?? this.#servers.engine.currentSession()) !== undefined
  }

  /** @internal The same handle, in the session of another one. */
  within(other: RoutedPool): RoutedPool {
    return new RoutedPool({ servers: this.#servers, face: this }, { ...this.#scope, session: other.#scope.session })
  }

  /** @throws NearestError if the pool was ended. */
  #lend(limits?: ClientLimits): RoutedClient & BorrowedClient {
    const { engine, ended, inFlight } = this.#servers
    if (ended.aborted) throw endedError()
    inFlight.begin()
    return new BorrowedClient(engine, this.#scope, inFlight.end, limits) as unknown as RoutedClient & BorrowedClient
  }

  #execute(request: Request, engine: Engine = this.#servers.engine): Promise<unknown> {
    const { ended, inFlight } = this.#servers
    if (ended.aborted) return Promise.reject(endedError())
    inFlight.begin()
    const scope = scopeNow(engine, this.#scope)
    const { trace } = engine
    if (trace === undefined) return executeStatement(engine, scope, request, inFlight.end)
    return trace(request.config, scope.mode ?? 'normal', () => executeStatement(engine, scope, request, inFlight.end))
  }

  /** Does nothing on a handle, whose connections belong to its pool. */
  override end(): Promise<void>
  override end(callback: () => void): void
  override end(callback?: () => void): Promise<void> | void {
    return this.asOwnPromise(promiseOrCallback(Promise.resolve(), callback))
  }
}

function sum(connections: Iterable<ServerConnections>, count: (typeof COUNTS)[number][1]): number {
  let all = 0
  for (const each of connections) all += each[count]
  return all
}
