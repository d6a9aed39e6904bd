import type pg from 'pg'
import type { ServedBy } from '../events/served-by.ts'
import type { RouteOptions } from '../execute/request.ts'

/** A result of pg's, and which server gave it. */
export type Served<Result> = Result & { readonly servedBy: ServedBy }

/** A query of pg's, and where it should run. */
export type Routed<Config> = Config & RouteOptions

/** One row as an object, by column. */
export type Row = pg.QueryResultRow

/** One row as an array, with `rowMode: 'array'`. */
export type ArrayRow = Row[string][]

/** pg's callback form. */
export type Callback<Result> = (error: Error, result: Served<Result>) => void
