import { NearestError, OutcomeUnknownError } from '../errors.ts'
import type { StatementNeed } from '../statement/statement-class.ts'
import { mayCommit } from '../statement/statement-traits.ts'

export interface LostStatement {
  readonly text: string
  readonly need: StatementNeed
  readonly server: string
  readonly error: unknown
  /** A transaction was open. */
  readonly open: boolean
  /** It cannot have written: on a standby, in a READ ONLY transaction, or not sent. */
  readonly harmless: boolean
}

/**
 * The error for a caller whose connection died. Inside of a transaction only the outcome of COMMIT is unknown; outside of one, that
 * of every statement that a primary may have received.
 */
export function lostStatementError({ text, need, server, error, open, harmless }: LostStatement): NearestError {
  if (!harmless && (open ? mayCommit(need) : need.transaction?.kind !== 'begin')) {
    return new OutcomeUnknownError(text, server, error)
  }
  return new NearestError(
    'NEAREST_CONNECTION_LOST',
    open
      ? `The connection to ${server} was lost inside of a transaction, which is thereby rolled back: run it again from its beginning.`
      : `The connection to ${server} was lost, and with it what was set on it: release this client and take another.`,
    { cause: error },
  )
}
