import { isOutcomeUnknownError, type NearestError } from '../errors.ts'
import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import type { QueuedStatement } from '../client-state/queued-statement.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import { staysReadOnly } from '../client-state/client-state-machine.ts'
import { lostStatementError } from '../failures/connection-lost-error.ts'
import { isValueTooLong } from '../result-value-too-long.ts'

/** What was unanswered when its connection died. */
export interface Unanswered {
  readonly text: string
  readonly need: QueuedStatement['need']
  readonly check: FreshnessCheck | undefined
  /** A transaction was open. */
  readonly open: boolean
  /** It certainly writes nothing. */
  readonly reads?: boolean
  /** It was sent so that the server would refuse what writes. */
  readonly guarded?: boolean
  /** The server may have received it. */
  readonly sent: boolean
  readonly cause: unknown
}

/** The error for a statement, before the client knows that its connection is lost. */
export function unansweredError(client: ClientContext, lease: Lease, unanswered: Unanswered): NearestError {
  const { text, need, open, reads = false, guarded = client.neverWrites, sent, cause } = unanswered
  const { server } = lease
  // What a probe has told since of its server, or who gets the writes now, says nothing of when it was sent. A transaction that has begun in
  // recovery writes nothing, though its server may be promoted meanwhile.
  const isInRecovery = lease.committedNothing && (open || need.class === 'read')
  const harmless = reads || guarded || isInRecovery || staysReadOnly(client.state, need) || !sent
  const mayBeCommitted = client.mayHaveCommittedOn(lease)
  const bound = isBound(client, open)
  return lostStatementError({ text, need, server, error: cause, open, bound, mayBeCommitted, harmless })
}

/**
 * The client runs nothing more until its release, unless it was free, so that nothing is lost with the connection. Returns the error
 * for this statement.
 */
export function loseConnection(client: ClientContext, lease: Lease, unanswered: Unanswered): NearestError {
  const error = unansweredError(client, lease, unanswered)
  const { check, open, cause } = unanswered
  const { server, generation } = lease
  if (isOutcomeUnknownError(error)) check?.markUnknown()
  // Whoever is lost already has been told of, or was cut off here, which says nothing about the server.
  if (client.signal?.aborted !== true && client.state.kind !== 'lost' && !isValueTooLong(cause))
    client.engine.report({ server, generation, sign: 'lost', error: cause })
  if (isBound(client, open)) client.lose(error)
  else client.held.letGo(true)
  return error
}

/** Whether something is lost with its connection. */
function isBound({ state }: ClientContext, open: boolean): boolean {
  return open || state.kind !== 'free'
}
