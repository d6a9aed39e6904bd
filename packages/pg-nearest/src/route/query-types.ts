import type pg from 'pg'
import type { ServedBy } from '../events/served-by.ts'
import type { RouteOptions } from './request.ts'

/** A result of pg's, with the server that gave it. */
export type Served<Result> = Result & { readonly servedBy: ServedBy }

/** A query of pg's, with options for routing. */
export type Routed<Config> = Config & RouteOptions

/** One row as an object, by column. */
export type Row = pg.QueryResultRow

/** One row as an array, with `rowMode: 'array'`. */
export type ArrayRow = Row[string][]

/** pg's callback form. */
export type Callback<Result> = (error: Error, result: Served<Result>) => void

/** `query` in the forms that return a promise. */
export interface CommittingQuery {
  <R extends unknown[] = ArrayRow, I = unknown[]>(
    config: Routed<pg.QueryArrayConfig<I>>,
    values?: pg.QueryConfigValues<I>,
  ): Promise<Served<pg.QueryArrayResult<R>>>
  <R extends Row = Row, I = unknown[]>(
    textOrConfig: string | Routed<pg.QueryConfig<I>>,
    values?: pg.QueryConfigValues<I>,
  ): Promise<Served<pg.QueryResult<R>>>
}

/** `query` in the forms that take a callback. */
interface CallbackQuery {
  <R extends unknown[] = ArrayRow, I = unknown[]>(
    config: Routed<pg.QueryArrayConfig<I>>,
    callback: Callback<pg.QueryArrayResult<R>>,
  ): void
  <R extends Row = Row, I = unknown[]>(
    textOrConfig: string | Routed<pg.QueryConfig<I>>,
    callback: Callback<pg.QueryResult<R>>,
  ): void
  <R extends Row = Row, I = unknown[]>(
    text: string,
    values: pg.QueryConfigValues<I>,
    callback: Callback<pg.QueryResult<R>>,
  ): void
}

/** pg's `query` in all its forms, with `servedBy` on the results. TypeScript tries them in this order, which is pg's. */
export type RoutedQuery = (<T extends pg.Submittable>(stream: T) => T) & CommittingQuery & CallbackQuery

/** A `pg.PoolClient` that chooses a server for each statement. Results have `servedBy`. */
export type RoutedClient = { readonly query: RoutedQuery } & pg.PoolClient

/** A transaction: what is run on it is part of it. */
export interface Transaction {
  readonly query: RoutedQuery
  /**
   * Runs the last statement, and sends COMMIT along with it, which saves a round trip. Resolves with the statement's result when all is
   * committed; if the statement fails, the server rolls back instead, and this rejects with its error. The transaction is over with it: what
   * is asked for afterwards is refused, and what the function throws afterwards undoes nothing.
   *
   * A function that returns the promise of its last `query` itself, so that it is not `async`, has this by itself.
   *
   * @example
   * ```ts
   * import { createPool } from 'pg-nearest'
   *
   * const pool = createPool({ primary: 'postgres://nrt.example.com/app' })
   * await pool.transaction(async (tx) => {
   *   const { rows } = await tx.query('select credit from accounts where id = $1 for update', [1])
   *   return tx.commitWith('update accounts set credit = $2 where id = $1', [1, Number(rows[0]?.['credit']) + 5])
   * })
   * ```
   *
   * @throws `NearestError` with code `NEAREST_TRANSACTION_OVER` if the transaction is over, `NEAREST_ROLLED_BACK` if an earlier statement had
   *   failed, or was never sent, `NEAREST_COMMITTED` if all is committed, and a type parser has thrown on its rows; `OutcomeUnknownError` if the connection died with the COMMIT in flight.
   */
  readonly commitWith: CommittingQuery
}
