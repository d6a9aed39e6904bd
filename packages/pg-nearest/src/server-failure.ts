/** What PostgreSQL, Node or pg say when a server, and not the statement, is at fault. */
interface CodedError {
  readonly code?: unknown
  readonly message?: unknown
  readonly routine?: unknown
  readonly severity?: unknown
}

function coded(error: unknown): CodedError {
  return typeof error === 'object' && error !== null ? error : {}
}

/** The SQLSTATE or Node's error code; `undefined` if the error has none. */
export function codeOf(error: unknown): string | undefined {
  const { code } = coded(error)
  return typeof code === 'string' ? code : undefined
}

export function messageOf(error: unknown): string {
  const { message } = coded(error)
  return typeof message === 'string' ? message : String(error)
}

/** A server has said it, in answer to a statement; nothing that pg or Node says by itself has a severity. */
export function isAnswer(error: unknown): boolean {
  return coded(error).severity !== undefined
}

/** pg says these without a code, when the socket is gone. */
const LOST_MESSAGES: ReadonlySet<string> = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'timeout expired',
])

const LOST_CODES: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  // admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped, idle_session_timeout
  '57P01',
  '57P02',
  '57P03',
  '57P04',
  '57P05',
])

/** The connection is gone, whatever became of the statement on it. */
export function isConnectionLoss(error: unknown): boolean {
  const code = codeOf(error)
  if (code === undefined) return LOST_MESSAGES.has(messageOf(error))
  return LOST_CODES.has(code) || (code.startsWith('08') && !isOfStatement(error))
}

/**
 * A value too few for a statement is a "protocol violation", and a foreign table may have lost a connection of its own:
 * ours is well.
 */
function isOfStatement(error: unknown): boolean {
  const { severity } = coded(error)
  return severity !== undefined && severity !== 'FATAL' && severity !== 'PANIC'
}

/** pg refused to send: the connection had died before, so nothing happened. */
export function isNotSent(error: unknown): boolean {
  const message = messageOf(error)
  return (
    message === 'Client has encountered a connection error and is not queryable' ||
    message === 'Client was closed and is not queryable'
  )
}

/** `query_timeout` passed; the statement still runs on its connection. */
export function isQueryTimeout(error: unknown): boolean {
  return messageOf(error) === 'Query read timeout'
}

/** The pool had no free connection within `connectionTimeoutMillis`. */
export function isPoolTimeout(error: unknown): boolean {
  return messageOf(error) === 'timeout exceeded when trying to connect'
}

export function isAuthenticationFailure(error: unknown): boolean {
  const code = codeOf(error)
  return code === '28P01' || code === '28000' || messageOf(error).startsWith('SASL: SCRAM-SERVER-FIRST-MESSAGE')
}

/** A standby refuses what it would have to write for (25006), and what it cannot do at all (0A000). */
export function isRefusedByStandby(error: unknown): boolean {
  return isWriteRefused(error) || codeOf(error) === '0A000'
}

/** The text, or a function in it, writes. */
export function isWriteRefused(error: unknown): boolean {
  return codeOf(error) === '25006'
}

/**
 * In a read-only transaction a primary refuses a write with 25006 just as a standby does. The C function that raised it
 * tells the two apart, in every language of `lc_messages`.
 */
export function isRefusedByRecovery(error: unknown): boolean {
  const code = codeOf(error)
  return (
    (code === '25006' && coded(error).routine === 'PreventCommandDuringRecovery') ||
    code === '0A000' ||
    code === '55000' ||
    isRecoveryConflict(error)
  )
}

/** A server that was taken for the primary says that it is a standby. */
export function isDemotion(error: unknown): boolean {
  return codeOf(error) === '25006' && coded(error).routine === 'PreventCommandDuringRecovery'
}

/** It may go better in a moment, without anybody doing anything. */
export function isTransient(error: unknown): boolean {
  return isDemotion(error) || codeOf(error) === '25006' || (isConnectionLoss(error) && codeOf(error) !== 'ENOTFOUND')
}

/** Replay on the standby got in the way of the query: nothing to do with the statement. */
export function isRecoveryConflict(error: unknown): boolean {
  const code = codeOf(error)
  return code === '40001' || code === '40P01'
}

/**
 * A standby that is behind may lack a table, a column or a function that the primary has; and some functions answer
 * 55000 during recovery. The primary has the last word.
 */
export function mayBeSchemaLag(error: unknown): boolean {
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

/** One sentence on why a server could not be used, and what to do. */
export function describeFailure(server: string, error: unknown): string {
  const code = codeOf(error)
  if (isAuthenticationFailure(error)) {
    return `${server} refused the user or the password (${messageOf(error)}): check them in its URL.`
  }
  switch (code) {
    case '3D000':
      return `${server} has no such database (${messageOf(error)}): check the end of its URL.`
    case 'ECONNREFUSED':
      return `${server} refused the connection: check that it runs, and the host and port in its URL.`
    case 'ECONNRESET':
      return `${server} closed the connection: check that it runs.`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${server}'s host name was not found: check the host in its URL, and DNS.`
    case '53300':
      return `${server} has no connection left (${messageOf(error)}): lower "max" or raise its max_connections.`
    case '57P03':
      return `${server} is starting up or shutting down (${messageOf(error)}): it will be asked again.`
    case 'NEAREST_BEHIND':
      return messageOf(error)
    default:
      return `${server} cannot be used (${messageOf(error)}).`
  }
}
