import type pg from 'pg'
import type { ParameterValue } from '../lane-codec/message-writer.ts'
import type { BatchAnswer } from './shared-batch-row.ts'
import type { SyncSharing } from '../statement/sync-sharing.ts'

/** A read that shares a connection with others. */
export interface LaneRead {
  readonly text: string
  /** Its text with what a tracer has added to it. */
  readonly sent: string
  readonly values: readonly ParameterValue[]
  readonly rowMode: 'array' | undefined
  /** Its own; `undefined`: those of its connection. */
  readonly types: pg.CustomTypesConfig | undefined
  readonly sharing: SyncSharing
  /** Its standby must tell its position ahead of it. */
  readonly asksAhead: boolean
  /** A query that is answered with one row of so many columns, and must be asked behind it. */
  readonly question: Question | undefined
  /** Nobody waits for it any more. */
  readonly abandoned: boolean
  /** Called once. */
  end(end: LaneEnd): void
}

export interface Question {
  readonly text: string
  readonly columns: number
}

/**
 * How a read in a lane ended: with its result, the position ahead of it and the answer to its question, with its error, or with nothing, so that it
 * must be run where it is alone.
 *
 * - `limited`: a time-out of the server's has ended it, or somebody there: that is its answer.
 * - `failed`: the server refused it, or another one in its batch, or its rows could not be read.
 * - `slow`: something ahead of it takes long.
 * - `unsent`: the connection had died before.
 * - `lost`: the connection died. It could write nothing.
 */
export type LaneEnd =
  | {
      readonly kind: 'result'
      readonly result: pg.QueryResult
      readonly ahead: BatchAnswer | undefined
      readonly answer: BatchAnswer | undefined
    }
  | { readonly kind: 'limited'; readonly error: unknown }
  | { readonly kind: 'failed' | 'unsent' }
  | { readonly kind: 'slow'; readonly rescue: Rescue }
  | { readonly kind: 'lost'; readonly error: unknown; readonly mayResend: boolean }

/** Finds out which of the reads that were silent together is the slow one. */
export interface Rescue {
  /** One of them has run alone; `undefined`: it did not come to its end. */
  ran(text: string, ms: number | undefined): void
}
