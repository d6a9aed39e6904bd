/** The fields of an error of PostgreSQL, Node or pg. */
interface CodedError {
  readonly code?: unknown
  readonly message?: unknown
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

/** Whether a server has sent it as an ErrorResponse: errors of pg and Node have no severity. */
export function isErrorResponse(error: unknown): boolean {
  return coded(error).severity !== undefined
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
function isPasswordMissing(error: unknown): boolean {
  return /client password must be a|empty password/.test(messageOf(error))
}

/** A sentence on why a server could not be used, and what to do about it. */
export function describeFailure(server: string, error: unknown): string {
  const code = codeOf(error)
  if (code === NO_PASSWORD) return messageOf(error)
  if (isAuthenticationFailure(error) && isPasswordMissing(error)) {
    return `${server} asks for a password, and there is none: write one into its URL, or give its entry a "password".`
  }
  if (isAuthenticationFailure(error)) {
    return `${server} refused the user or the password (${messageOf(error)}): check them in its URL, or its entry.`
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
    case '57P01':
    case '57P02':
      return `${server} was stopped, or one of its processes died (${messageOf(error)}): check that it runs; it will be asked again.`
    case '57P03':
      return `${server} is starting up or shutting down (${messageOf(error)}): it will be asked again.`
    case 'NEAREST_BEHIND':
      return messageOf(error)
    default:
      return `${server} cannot be used (${messageOf(error)}).`
  }
}
