import type pg from 'pg'
import type { RoutedQuery } from './query-types.ts'

/** A `pg.PoolClient` that chooses its server statement by statement; its results say which it was. */
export type RoutedClient = { readonly query: RoutedQuery } & pg.PoolClient

/** A transaction's connection: what is run on it is part of the transaction. */
export interface Transaction {
  readonly query: RoutedQuery
}
