import type pg from 'pg'
import type { ServedBy } from '../events/served-by.ts'
import type { RouteOptions } from '../route/request.ts'

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

/** pg's `query` in all its forms, with `servedBy` on the results. */
export interface RoutedQuery {
  <T extends pg.Submittable>(stream: T): T
  <R extends unknown[] = ArrayRow, I = unknown[]>(
    config: Routed<pg.QueryArrayConfig<I>>,
    values?: pg.QueryConfigValues<I>,
  ): Promise<Served<pg.QueryArrayResult<R>>>
  <R extends Row = Row, I = unknown[]>(
    textOrConfig: string | Routed<pg.QueryConfig<I>>,
    values?: pg.QueryConfigValues<I>,
  ): Promise<Served<pg.QueryResult<R>>>
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

/** A `pg.PoolClient` that chooses a server for each statement. Results have `servedBy`. */
export type RoutedClient = { readonly query: RoutedQuery } & pg.PoolClient

/** A transaction: what is run on it is part of it. */
export interface Transaction {
  readonly query: RoutedQuery
}
