import { isNearestError, NearestError, OutcomeUnknownError } from '../errors.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import { isValueTooLong } from '../result-value-too-long.ts'

export interface LostStatement {
  readonly text: string
  readonly need: StatementNeed
  readonly server: string
  readonly error: unknown
  /** A transaction was open. */
  readonly open: boolean
  /** Something was set on its connection, or a transaction was open. */
  readonly bound: boolean
  /** It, or what was sent behind it and is unanswered as well, may have committed the open transaction. */
  readonly mayBeCommitted: boolean
  /** It cannot have written: because it only reads, on a standby, in a READ ONLY transaction, or not sent. */
  readonly harmless: boolean
}

/**
 * The error for a caller whose connection died. Inside of a transaction the outcome is unknown only once its COMMIT is on its way, but
 * then that of all that is unanswered; outside of one, that of every statement that a primary may have received.
 */
export function lostStatementError(lost: LostStatement): NearestError {
  const { text, need, server, error, mayBeCommitted, open, harmless } = lost
  if (!harmless && (open ? mayBeCommitted : need.transaction?.kind !== 'begin')) {
    return new OutcomeUnknownError(text, server, error)
  }
  if (isNearestError(error) && isValueTooLong(error)) return error
  return new NearestError('NEAREST_CONNECTION_LOST', lossMessage(lost), { cause: error })
}

function lossMessage({ server, open, bound }: LostStatement): string {
  if (open)
    return `The connection to ${server} was lost inside of a transaction, which is thereby rolled back: run it again from its beginning.`
  if (bound)
    return `The connection to ${server} was lost, and with it what was set on it: release this client and take another.`
  return `The connection to ${server} was lost before all was answered, and nothing was written: run it again from its beginning.`
}
