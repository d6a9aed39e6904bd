import { isOutcomeUnknownError, type NearestError } from '../errors.ts'
import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import type { ClientContext } from './client-context.ts'
import { staysReadOnly } from './client-state-machine.ts'
import { lostStatementError } from '../failures/connection-lost-error.ts'
import { isValueTooLong } from '../result-value-too-long.ts'

/** What was unanswered when its connection died. */
interface Unanswered {
  readonly text: string
  readonly need: StatementNeed
  readonly check: FreshnessCheck | undefined
  /** A transaction was open. */
  readonly open: boolean
  /** The server may have received it. */
  readonly sent: boolean
  readonly cause: unknown
}

/**
 * The client runs nothing more until its release, unless it was free, so that nothing is lost with the connection. Returns the error
 * for this statement.
 */
export function loseConnection(client: ClientContext, lease: Lease, unanswered: Unanswered): NearestError {
  const { text, need, check, open, sent, cause } = unanswered
  const { server, standby, generation } = lease
  const harmless = standby || client.keepsFromWriting || staysReadOnly(client.state, need) || !sent
  const mayBeCommitted = client.mayHaveCommittedOn(lease)
  const error = lostStatementError({ text, need, server, error: cause, open, mayBeCommitted, harmless })
  if (isOutcomeUnknownError(error)) check?.markUnknown()
  // Whoever is lost already has been told of, or was cut off here, which says nothing about the server.
  if (client.signal?.aborted !== true && client.state.kind !== 'lost' && !isValueTooLong(cause))
    client.engine.report({ server, generation, sign: 'lost', error: cause })
  if (client.state.kind === 'free' && !open) client.held.letGo(true)
  else client.lose(error)
  return error
}
