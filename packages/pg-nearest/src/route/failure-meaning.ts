import { codeOf, isAuthenticationFailure } from '../driver-errors.ts'
import { schemaLagOf } from './schema-lag.ts'

/**
 * How an attempt failed, recorded where it failed. Only this says whether the statement may be sent again; an error's message or
 * code does not, because a user's function can raise any.
 *
 * - `no-connection`: none could be had, so nothing was sent. `queue`, `hook`: for reasons that are not the server's. `beforeList`: the list
 *   of servers had not come, which may name others.
 * - `unsent`: the connection had died before.
 * - `unsendable`: it could not be put into messages.
 * - `answered`: the server refused it and went on to ReadyForQuery: it had no effect, unless it commits inside. `level`: it is a standby that is known to have
 *   shown, before the statement was sent, all that the primary had a moment ago. Not known is not level. `nothingCommitted`: not even what
 *   commits inside had an effect, as its server was in recovery all the while.
 * - `unreadable`: it succeeded, but a type parser of the caller's threw on its rows.
 * - `lost`: it was sent, and the connection died before ReadyForQuery. `ofAnswer`: its own answer is what could not be read, and would be the same
 *   anywhere.
 * - `behind`: the server lacks something that the read must show. `mayHaveWritten`: it was sent all the same, neither READ ONLY nor to a server that has
 *   told with its answer that it is in recovery. What its name was last probed as says nothing of that. `callsFunction`: and it calls one that may
 *   write.
 * - `standby`: a transaction that may write had begun on a server that turned out to be a standby, and was given up there, unseen. Behind a
 *   pooler, or while it is taken for the primary, another connection would lead there, too: another server is asked.
 * - `misled`: the connection leads to a standby, though its name led to the primary a moment ago, so nothing was sent. Another connection
 *   may lead to the primary.
 */
export type Evidence =
  | {
      readonly kind: 'no-connection'
      readonly why: 'refused' | 'unreachable' | 'queue' | 'hook'
      readonly error: unknown
      readonly beforeList?: boolean
    }
  | {
      readonly kind: 'answered'
      readonly error: unknown
      readonly level?: boolean
      readonly nothingCommitted?: boolean
    }
  | { readonly kind: 'lost'; readonly error: unknown; readonly ofAnswer?: boolean }
  | {
      readonly kind: 'behind'
      readonly error: unknown
      readonly mayHaveWritten?: boolean
      readonly callsFunction?: boolean
    }
  | {
      readonly kind: 'unsent' | 'unsendable' | 'unreadable' | 'standby' | 'misled'
      readonly error: unknown
    }

type Answered = Extract<Evidence, { kind: 'answered' }>

export interface Circumstances {
  /** The server was in recovery when the statement was sent. */
  readonly standby: boolean
  /** The servers can be asked for their roles once more: behind a pooler no connection tells that its primary was demoted. */
  readonly mayAskRoles?: boolean
  /** The statement was sent in a READ ONLY transaction, so nothing can have been written. */
  readonly readOnly: boolean
  /** The text looks like a read. */
  readonly reads: boolean
  /** It has no effect that outlives its connection, like BEGIN. */
  readonly harmless: boolean
  /** Although it has failed, a part of it may have been committed: CALL, DO, or a text with a COMMIT. */
  readonly mayCommitInside: boolean
  /** The caller wants this region's answer (`pool.replica()`), so that a replica's error stands. */
  readonly regional?: boolean
}

/**
 * What a failed attempt means for the statement.
 *
 * - `next`: it had no effect; try the next server.
 * - `again`: it had no effect, and only the connection is at fault; try the same server on another connection.
 * - `primary`: the standby could not run it; ask the primary.
 * - `unknown`: it may have written, so it must not run again where it could write.
 * - `fail`: the error goes to the caller.
 */
export type Meaning = 'next' | 'again' | 'primary' | 'unknown' | 'fail'

/** Decides what a failure means for the statement. Nothing else does. Pure and total. */
export function meaningOf(evidence: Evidence, circumstances: Circumstances): Meaning {
  switch (evidence.kind) {
    case 'no-connection':
      return evidence.why === 'refused' || evidence.why === 'unreachable' ? 'next' : 'fail'
    case 'unsent':
    case 'misled':
      return 'again'
    case 'unsendable':
    case 'unreadable':
      return 'fail'
    case 'behind':
      return 'next'
    case 'standby':
      return 'primary'
    case 'lost':
      return evidence.ofAnswer === true ? meaningOfUnreadLoss(circumstances) : meaningOfLoss(circumstances)
    case 'answered':
      return meaningOfAnswer(evidence, circumstances)
  }
}

function meaningOfLoss({ standby, readOnly, reads, harmless }: Circumstances): Meaning {
  if (readOnly || harmless) return 'next'
  // The standby may have been promoted a moment ago, so a write may have happened there.
  return standby && reads ? 'next' : 'unknown'
}

/** Nothing is sent again for it: what reads has failed, and what writes may have been committed all the same. */
function meaningOfUnreadLoss({ readOnly, reads, harmless }: Circumstances): Meaning {
  return readOnly || reads || harmless ? 'fail' : 'unknown'
}

/**
 * It had no effect, or it stands as it is. On a primary the error belongs to the statement, unless the server is a standby now, or may be one. On a standby
 * the error may be due to recovery, and asking the primary as well does no harm even if a user's function has raised it.
 */
function meaningOfAnswer(answered: Answered, circumstances: Circumstances): Meaning {
  const { error } = answered
  const { mayAskRoles, readOnly, reads, harmless, mayCommitInside, regional } = circumstances
  const nothingCommitted = answered.nothingCommitted === true || provesRecovery(error)
  if (mayCommitInside && !nothingCommitted) return 'fail'
  const standby = circumstances.standby || answered.nothingCommitted === true
  if (isOfConnection(error)) return reads || harmless ? 'again' : 'fail'
  const isFinal = readOnly && (regional === true || provesWrite(error))
  if (provesRecovery(error)) return isFinal ? 'fail' : 'primary'
  if (!standby) return mayAskRoles === true && !readOnly && provesWrite(error) ? 'primary' : 'fail'
  if (isRecoveryConflict(error)) return 'next'
  if (isRefusedByStandby(error)) return isFinal ? 'fail' : 'primary'
  if (needsPrimary(error)) return 'primary'
  return regional !== true && mayBeLag(answered) ? 'primary' : 'fail'
}

/**
 * A replica may lack what a migration has just made. The primary is asked, unless the replica is known to be level: but that is known
 * as of a moment ago, and the migration may be younger. So it counts only where the error is mostly the statement's own.
 */
function mayBeLag({ error, level }: Answered): boolean {
  const lag = schemaLagOf(error)
  return lag === 'likely' || (lag === 'possible' && level !== true)
}

/** What a failed statement means for a READ ONLY transaction on a standby that can begin again elsewhere. `primary`: it does, there. */
export function meaningInReading(evidence: Evidence): 'primary' | 'fail' {
  if (evidence.kind !== 'answered') return 'fail'
  const { error } = evidence
  return isRefusedByRecovery(error) || mayBeLag(evidence) || isOfConnection(error) ? 'primary' : 'fail'
}

interface Routine {
  readonly routine?: unknown
}

/** The C function that raised it: independent of `lc_messages`, and `exec_stmt_raise` for PL/pgSQL's RAISE. */
function routineOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? (error as Routine).routine : undefined
}

/**
 * The statement is fine, but this connection cannot run it: a prepared statement is missing, exists already, or was planned for a
 * table that has changed. The connection is closed.
 */
export function isOfConnection(error: unknown): boolean {
  const code = codeOf(error)
  const routine = routineOf(error)
  if (code === '0A000') return routine === 'RevalidateCachedQuery'
  return (code === '26000' || code === '42P05') && routine !== 'exec_stmt_raise'
}

/** The server reports that it is in recovery, though it was taken for the primary. */
export function isDemotion(error: unknown): boolean {
  return codeOf(error) === '25006' && routineOf(error) === 'PreventCommandDuringRecovery'
}

/** The server reports that it is in recovery, as a role that is SERIALIZABLE by default hears whatever it asks for. */
function isSerializableInRecovery(error: unknown): boolean {
  return codeOf(error) === '0A000' && routineOf(error) === 'GetSerializableTransactionSnapshot'
}

/** It was in recovery, and so since the connection began: nothing was written on it. */
function provesRecovery(error: unknown): boolean {
  return isDemotion(error) || isSerializableInRecovery(error)
}

/** The write was refused: by the server, or by a user's function that raises the same code. */
export function isWriteRefused(error: unknown): boolean {
  return codeOf(error) === '25006'
}

/** The server itself has refused the write, so the text, or a function in it, writes. */
export function provesWrite(error: unknown): boolean {
  const routine = routineOf(error)
  return isWriteRefused(error) && (routine === 'PreventCommandIfReadOnly' || routine === 'PreventCommandDuringRecovery')
}

/** The transaction has taken a snapshot, behind which its modes cannot be set any more. */
export function isTooLateToSet(error: unknown): boolean {
  return codeOf(error) === '25001'
}

/** A standby refuses writes with 25006, and what it does not support with 0A000. */
export function isRefusedByStandby(error: unknown): boolean {
  return isWriteRefused(error) || codeOf(error) === '0A000'
}

/** WAL replay on the standby has cancelled the query. */
export function isRecoveryConflict(error: unknown): boolean {
  const code = codeOf(error)
  return code === '40001' || code === '40P01'
}

/**
 * The standby refused because it is in recovery. In a read-only transaction a primary refuses writes with the same code, but from
 * another C function.
 */
function isRefusedByRecovery(error: unknown): boolean {
  return isDemotion(error) || codeOf(error) === '0A000' || needsPrimary(error) || isRecoveryConflict(error)
}

/** "Recovery is in progress": some functions do not run on a standby. */
function needsPrimary(error: unknown): boolean {
  return codeOf(error) === '55000'
}

/** The standby may only have been behind, so that a later call may succeed there. */
export function isLag(refusal: unknown): boolean {
  return schemaLagOf(refusal) !== 'no'
}

/**
 * No standby will ever run the text: it writes, or reads an unlogged table. What else a standby refuses (SERIALIZABLE, what a function
 * raises) is not the text's own.
 */
export function provesPrimaryOnly(refusal: unknown): boolean {
  const isUnlogged = codeOf(refusal) === '0A000' && routineOf(refusal) === 'get_relation_info'
  return isWriteRefused(refusal) || isUnlogged
}

/** It may pass by itself, so that waiting is worthwhile. */
export function isTransient(evidence: Evidence): boolean {
  const { kind, error } = evidence
  switch (kind) {
    case 'behind':
    case 'standby':
    case 'misled':
    case 'unsent':
      return true
    case 'lost':
      return evidence.ofAnswer !== true
    case 'answered':
      return isWriteRefused(error) || isSerializableInRecovery(error)
    case 'unsendable':
    case 'unreadable':
      return false
    case 'no-connection':
      if (evidence.beforeList === true) return true
      return codeOf(error) !== 'ENOTFOUND' && codeOf(error) !== '3D000' && !isAuthenticationFailure(error)
  }
}
