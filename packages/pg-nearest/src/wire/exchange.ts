import type pg from 'pg'
import type { MessageReader } from '../message-framing/message-dispatcher.ts'
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
  /** Known once it has been submitted: a statement in it could not be put into messages. */
  readonly unsendable?: boolean
  /** Of what is read or written as it goes. */
  readonly progress?: Progress
  /** Reads its answers by itself, before pg does. */
  readonly reader?: MessageReader
  /** Its values have been bound. Only what looks at it before it runs need know. */
  handleBindComplete?(): void
  /** The connection died. `written`: the server may have received it. */
  lost(cause: unknown, written: boolean): void
}

/** How far an exchange is. */
export interface Progress {
  readonly of: object
  /** Another number whenever something has moved on its connection. */
  readonly moved: number
  /** It waits for whoever reads or writes it, and not for the server. */
  readonly isUsers: boolean
}

/**
 * How a statement ended.
 *
 * - `result`: the server did it, and said so up to ReadyForQuery.
 * - `answered`: the server refused it, and went on to ReadyForQuery: it had no effect, and the connection is well.
 * - `unreadable`: it succeeded, but a type parser of the caller's threw on its rows.
 * - `unsendable`: it could not be put into messages, so nothing of it ran; the connection is well.
 * - `skipped`: one before it, with the same Sync, failed.
 * - `unsent`: the connection had died before.
 * - `lost`: it was sent, and the connection died before ReadyForQuery. `error` is what was heard first.
 */
export type StatementEnd =
  | { readonly kind: 'result'; readonly result: StatementResult }
  | { readonly kind: 'answered' | 'unreadable' | 'unsendable' | 'unsent' | 'lost'; readonly error: unknown }
  | { readonly kind: 'skipped' }
