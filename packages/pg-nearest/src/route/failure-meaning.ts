import { codeOf, isAuthenticationFailure } from '../server-failure.ts'

/**
 * How an attempt failed, as seen where it failed. Whether something may be sent again is read from this and never from an error's
 * text or code, which anybody can raise.
 *
 * - `no-connection`: none could be had, so nothing was sent. `queue`, `hook`: for reasons that are not the server's.
 * - `unsent`: the connection had died before.
 * - `unsendable`: it could not be put into messages.
 * - `answered`: the server refused it and went on to ReadyForQuery: it had no effect.
 * - `unreadable`: the server did it, and a type parser of the caller's could not read its rows.
 * - `lost`: it was sent, and the connection died before ReadyForQuery.
 * - `behind`: the server does not show what it must.
 */
export type Evidence =
  | {
      readonly kind: 'no-connection'
      readonly why: 'refused' | 'unreachable' | 'queue' | 'hook'
      readonly error: unknown
    }
  | { readonly kind: 'unsent' | 'unsendable' | 'answered' | 'unreadable' | 'lost' | 'behind'; readonly error: unknown }

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

/**
 * What a failed attempt means for the statement.
 *
 * - `next`: nothing happened there; try the next server.
 * - `again`: nothing happened, and the fault is the connection's; the same server on another one, once.
 * - `primary`: the standby could not; the primary has the last word.
 * - `unknown`: it may have written; nobody can tell, and it must not run again where it could write.
 * - `fail`: the error is the caller's.
 */
export type Meaning = 'next' | 'again' | 'primary' | 'unknown' | 'fail'

/** Pure, total, and the only place where it is decided. */
export function meaningOf(evidence: Evidence, circumstances: Circumstances): Meaning {
  switch (evidence.kind) {
    case 'no-connection':
      return evidence.why === 'refused' || evidence.why === 'unreachable' ? 'next' : 'fail'
    case 'unsent':
      return 'again'
    case 'unsendable':
    case 'unreadable':
      return 'fail'
    case 'behind':
      return 'next'
    case 'lost':
      return meaningOfLoss(circumstances)
    case 'answered':
      return meaningOfAnswer(evidence.error, circumstances)
  }
}

function meaningOfLoss({ standby, readOnly, reads, harmless }: Circumstances): Meaning {
  if (readOnly || harmless) return 'next'
  // A standby may have been promoted a moment ago, without this connection knowing: a write is never taken for undone.
  return standby && reads ? 'next' : 'unknown'
}

/**
 * It had no effect. On a primary the error is the statement's own, unless the server says that it is none any more; a standby's
 * error may be its own, and what anybody raises there can be asked of the primary at no harm.
 */
function meaningOfAnswer(error: unknown, { standby, readOnly, reads, harmless }: Circumstances): Meaning {
  if (isOfConnection(error)) return reads || harmless ? 'again' : 'fail'
  if (isDemotion(error)) return readOnly ? 'fail' : 'primary'
  if (!standby) return 'fail'
  if (isRecoveryConflict(error)) return 'next'
  if (isRefusedByStandby(error)) return readOnly ? 'fail' : 'primary'
  return mayBeSchemaLag(error) ? 'primary' : 'fail'
}

interface Routine {
  readonly routine?: unknown
}

/** The C function that raised it, in every language of `lc_messages`; PL/pgSQL's RAISE has one of its own. */
function routineOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? (error as Routine).routine : undefined
}

/**
 * The statement is well, and this connection cannot run it: a prepared statement that is gone, is there already, or was planned for
 * a table that has changed. The connection is closed.
 */
export function isOfConnection(error: unknown): boolean {
  const code = codeOf(error)
  const routine = routineOf(error)
  if (code === '0A000') return routine === 'RevalidateCachedQuery'
  return (code === '26000' || code === '42P05') && routine !== 'exec_stmt_raise'
}

/** A server that was taken for the primary says that it is a standby. */
export function isDemotion(error: unknown): boolean {
  return codeOf(error) === '25006' && routineOf(error) === 'PreventCommandDuringRecovery'
}

/** The server has refused to write; a user's own function may say the same. */
export function isWriteRefused(error: unknown): boolean {
  return codeOf(error) === '25006'
}

/** The server itself has refused, and not a function of the user's: the text, or a function in it, writes. */
export function provesWrite(error: unknown): boolean {
  const routine = routineOf(error)
  return isWriteRefused(error) && (routine === 'PreventCommandIfReadOnly' || routine === 'PreventCommandDuringRecovery')
}

/** A standby refuses what it would have to write for (25006), and what it cannot do at all (0A000). */
export function isRefusedByStandby(error: unknown): boolean {
  return isWriteRefused(error) || codeOf(error) === '0A000'
}

/** Replay on the standby got in the way of the query: nothing to do with the statement. */
export function isRecoveryConflict(error: unknown): boolean {
  const code = codeOf(error)
  return code === '40001' || code === '40P01'
}

/**
 * In a read-only transaction a primary refuses a write with 25006 just as a standby does; what raised it tells the two apart.
 */
export function isRefusedByRecovery(error: unknown): boolean {
  const code = codeOf(error)
  return isDemotion(error) || code === '0A000' || code === '55000' || isRecoveryConflict(error)
}

/**
 * The standby may only have been behind: a later call may well find what this one missed.
 */
export function isLag(refusal: unknown): boolean {
  return !isRefusedByStandby(refusal) && codeOf(refusal) !== '55000'
}

/** It may go better in a moment, without anybody doing anything: worth waiting for. */
export function isTransient({ kind, error }: Evidence): boolean {
  switch (kind) {
    case 'behind':
    case 'unsent':
    case 'lost':
      return true
    case 'answered':
      return isWriteRefused(error)
    case 'unsendable':
    case 'unreadable':
      return false
    case 'no-connection':
      return codeOf(error) !== 'ENOTFOUND' && codeOf(error) !== '3D000' && !isAuthenticationFailure(error)
  }
}

/**
 * A standby that is behind may lack a table, a column or a function that the primary has; and some functions answer
 * 55000 during recovery. The primary has the last word.
 */
function mayBeSchemaLag(error: unknown): boolean {
  const code = codeOf(error)
  return code !== undefined && SCHEMA_LAG_CODES.has(code)
}

const SCHEMA_LAG_CODES: ReadonlySet<string> = new Set([
  '55000', // object_not_in_prerequisite_state: "recovery is in progress"
  '42P01', // undefined_table
  '42703', // undefined_column
  '42883', // undefined_function
  '42704', // undefined_object
  '3F000', // invalid_schema_name
])
