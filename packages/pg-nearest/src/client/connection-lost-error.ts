import { NearestError, OutcomeUnknownError } from '../errors.ts'
import type { StatementNeed } from '../statement/statement-class.ts'

export interface LostStatement {
  readonly text: string
  readonly need: StatementNeed
  readonly server: string
  readonly error: unknown
  /** A transaction was open. */
  readonly open: boolean
  /** It cannot have written: its server is a standby, or its transaction READ ONLY. */
  readonly harmless: boolean
}

/**
 * What to tell a caller whose connection died while it was theirs alone. Inside of a transaction only COMMIT leaves a
 * doubt; outside of one, every statement that a primary had.
 */
export function lostConnection({ text, need, server, error, open, harmless }: LostStatement): NearestError {
  const commits = need.transaction?.kind === 'commit' || need.transaction?.kind === 'other'
  if (!harmless && (open ? commits : need.transaction?.kind !== 'begin')) {
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
