import type pg from 'pg'
import type { RoutedQuery } from './query-types.ts'

/** A `pg.PoolClient` that chooses a server for each statement. Results have `servedBy`. */
export type RoutedClient = { readonly query: RoutedQuery } & pg.PoolClient

/** A transaction: what is run on it is part of it. */
export interface Transaction {
  readonly query: RoutedQuery
}
