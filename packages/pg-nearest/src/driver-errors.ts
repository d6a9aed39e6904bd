import { lookAt } from './errors.ts'

type Field = 'code' | 'message' | 'severity' | 'syscall' | 'path' | 'routine'

/** A field of an error of PostgreSQL, Node or pg, or of anything else that was thrown. */
function read(error: unknown, field: Field): unknown {
  if (typeof error !== 'object' || error === null) return undefined
  return lookAt(() => (error as Readonly<Partial<Record<Field, unknown>>>)[field])
}

/** The SQLSTATE or Node's error code; `undefined` if the error has none. */
export function codeOf(error: unknown): string | undefined {
  const code = read(error, 'code')
  return typeof code === 'string' ? code : undefined
}

export function messageOf(error: unknown): string {
  const message = read(error, 'message')
  return typeof message === 'string' ? message : (lookAt(() => String(error)) ?? 'an error that cannot be looked at')
}

/** Whether a server has sent it as an ErrorResponse: errors of pg and Node have no severity. */
export function isErrorResponse(error: unknown): boolean {
  return read(error, 'severity') !== undefined
}

/** Whether an operator has ended the connection, or all of the server's: which of the two, it does not say. */
export function isConnectionTerminated(error: unknown): boolean {
  return codeOf(error)?.startsWith('57P') ?? false
}

/** The function of the server that raised it, which has no translation, unlike the message. */
export function routineOf(error: unknown): string | undefined {
  const routine = read(error, 'routine')
  return typeof routine === 'string' ? routine : undefined
}

/** The file that could not be read, such as one that a URL names in `sslrootcert`; `undefined` if it was none. */
export function unreadableFile(error: unknown): string | undefined {
  if (read(error, 'syscall') !== 'open' && read(error, 'code') !== 'EISDIR') return undefined
  const path = read(error, 'path')
  return typeof path === 'string' ? path : 'that is a directory'
}

/** Not supported, data exception, no right or no such thing, not in this state, raised by a function in its place. */
const REFUSALS: ReadonlySet<string> = new Set(['0A', '22', '42', '55', 'P0'])

/** Whether a server has answered that this role may not ask it that, or that it cannot be asked that. */
export function isRefusedQuestion(error: unknown): boolean {
  return isErrorResponse(error) && REFUSALS.has(codeOf(error)?.slice(0, 2) ?? '')
}

/** No connection was made for want of the right user and password. The server is alive. */
export function isAuthenticationFailure(error: unknown): boolean {
  const code = codeOf(error)
  return code === '28P01' || code === '28000' || code === NO_PASSWORD || messageOf(error).startsWith(SCRAM)
}

const NO_PASSWORD = 'NEAREST_PASSWORD'
const SCRAM = 'SASL: SCRAM-SERVER-FIRST-MESSAGE'

/** A server wants a password, and there is none to send. */
export function isPasswordMissing(error: unknown): boolean {
  return /client password must be a|empty password/.test(messageOf(error))
}

/** Where a connection was being made, and how far it had come. */
export interface Dialling {
  readonly host: string
  readonly port: number
  /** `dialling`: nobody has taken the connection. `connected`: nothing has come back on it. `answered`: something has. */
  readonly stage: 'dialling' | 'connected' | 'answered'
}

/** Beside the errors, because they are pg's and Node's, and reach the user as they are. */
const diallings = new WeakMap<object, Dialling>()

export function noteDialling(error: unknown, dialling: Dialling): void {
  if (typeof error === 'object' && error !== null) diallings.set(error, dialling)
}

/** `undefined`: it did not come up while a connection was being made. */
export function diallingOf(error: unknown): Dialling | undefined {
  return typeof error === 'object' && error !== null ? diallings.get(error) : undefined
}

/** Whether the server ends the connection with it. */
export function isFatal(error: unknown): boolean {
  const severity = read(error, 'severity')
  return severity === 'FATAL' || severity === 'PANIC'
}
