import type pg from 'pg'
import type { QueryHandlers } from './pg-internals.ts'

/** One result, or one for each statement of a text that holds several. */
export type StatementResult = pg.QueryResult | pg.QueryResult[]

/**
 * What is sent up to one Sync (or one simple Query), and what comes back up to its ReadyForQuery. Only ReadyForQuery ends it:
 * before, nothing is committed and nobody knows whether a transaction is open.
 */
export interface Exchange extends QueryHandlers {
  /** Of a prepared statement. */
  readonly name: string | undefined
  readonly text: string | undefined
  /** Nothing may be sent behind it before it has ended, nor it behind others: it keeps a portal open, or copies. */
  readonly exclusive: boolean
  /** The connection died. `written`: the server may have had it. */
  lost(cause: unknown, written: boolean): void
}

/**
 * How a statement ended.
 *
 * - `result`: the server did it, and said so up to ReadyForQuery.
 * - `answered`: the server refused it, and went on to ReadyForQuery: it had no effect, and the connection is well.
 * - `unreadable`: the server did it, and its rows could not be read: a type parser of the caller's has thrown.
 * - `unsendable`: it could not be put into messages, so nothing of it ran; the connection is well.
 * - `skipped`: one before it, with the same Sync, failed.
 * - `unsent`: the connection had died before.
 * - `lost`: it was sent, and the connection died before ReadyForQuery. `error` is what was heard first.
 */
export type StatementEnd =
  | { readonly kind: 'result'; readonly result: StatementResult }
  | { readonly kind: 'answered' | 'unreadable' | 'unsendable' | 'unsent' | 'lost'; readonly error: unknown }
  | { readonly kind: 'skipped' }
