import type pg from 'pg'
import type { QueryHandlers } from './pg-internals.ts'

/** One result, or one for each statement of a text that holds several. */
export type StatementResult = pg.QueryResult | pg.QueryResult[]

/**
 * The messages up to one Sync (or one simple Query), and the answers up to its ReadyForQuery. Only ReadyForQuery ends it: before
 * that nothing is committed, and the transaction status is not known.
 */
export interface Exchange extends QueryHandlers {
  /** The name of a prepared statement. */
  readonly name: string | undefined
  readonly text: string | undefined
  /** It needs the connection to itself until it has ended, because it keeps a portal open or copies. */
  readonly exclusive: boolean
  /** The connection died. `written`: the server may have received it. */
  lost(cause: unknown, written: boolean): void
}

/**
 * How a statement ended.
 *
 * - `result`: it succeeded, up to ReadyForQuery.
 * - `answered`: the server refused it, up to ReadyForQuery. It had no effect, and the connection is usable.
 * - `unsendable`: it could not be encoded, so nothing of it ran. The connection is usable.
 * - `skipped`: a statement before it, with the same Sync, failed.
 * - `unsent`: the connection had died before it was sent.
 * - `lost`: it was sent, and the connection died before ReadyForQuery. `error` is the first error that arrived.
 */
export type StatementEnd =
  | { readonly kind: 'result'; readonly result: StatementResult }
  | { readonly kind: 'answered' | 'unsendable' | 'unsent' | 'lost'; readonly error: unknown }
  | { readonly kind: 'skipped' }
