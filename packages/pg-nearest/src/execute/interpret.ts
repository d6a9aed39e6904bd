import { NearestError } from '../errors.ts'
import {
  isConnectionLoss,
  isDemotion,
  isNotSent,
  isPoolTimeout,
  isRecoveryConflict,
  isRefusedByStandby,
  mayBeSchemaLag,
} from '../server-failure.ts'

/**
 * What to do after a failed attempt.
 *
 * - `next`: nothing happened there; try the next server.
 * - `again`: it was never sent; the same server on a fresh connection.
 * - `primary`: the standby could not; the primary has the last word.
 * - `standbys`: it may have run, and may have written; a standby can still answer it, for there it cannot write.
 * - `unknown`: it may have written; nobody can tell, and it must not run again.
 * - `fail`: the error is the caller's.
 */
export type Verdict = 'next' | 'again' | 'primary' | 'standbys' | 'unknown' | 'fail'

export interface Circumstances {
  /** The server is in recovery: nothing can have been written there. */
  readonly standby: boolean
  /** The server was told to refuse writes, so nothing can have been written. */
  readonly readOnly: boolean
  /** The text reads, as far as it shows. */
  readonly reads: boolean
  /** It has no effect that outlives its connection. */
  readonly harmless: boolean
}

/** The connection could not be had, so nothing was sent. */
export function interpretNoConnection(error: unknown): 'next' | 'fail' {
  return isPoolTimeout(error) || error instanceof NearestError ? 'fail' : 'next'
}

/** A single statement, outside of a transaction, failed. */
export function interpret(error: unknown, { standby, readOnly, reads, harmless }: Circumstances): Verdict {
  if (isNotSent(error)) return 'again'
  if (isConnectionLoss(error)) {
    if (readOnly || harmless) return 'next'
    // A standby may have been promoted a moment ago, without this connection knowing: a write is never taken for undone.
    if (standby && reads) return 'next'
    return reads ? 'standbys' : 'unknown'
  }
  if (isDemotion(error)) return readOnly ? 'fail' : 'primary'
  if (!standby) return 'fail'
  if (isRecoveryConflict(error)) return 'next'
  if (isRefusedByStandby(error)) return readOnly ? 'fail' : 'primary'
  return mayBeSchemaLag(error) ? 'primary' : 'fail'
}
