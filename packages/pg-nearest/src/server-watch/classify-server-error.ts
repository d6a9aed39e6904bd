import { codeOf, isErrorResponse, isAuthenticationFailure } from '../driver-errors.ts'
import type { Sign } from '../topology/health.ts'
import { SilentError } from '../limits/stall-aware-timeout.ts'

/** What a failure to connect to a server, or to query it, says about that server. */
export interface ServerEvidence {
  readonly sign: Extract<Sign, 'refused' | 'unreachable' | 'silent'>
  /** `word`: the server itself responded. `nothing`: nothing came back. `unclear`: something else responded, such as its host. */
  readonly contact: 'word' | 'nothing' | 'unclear'
}

/** admin_shutdown, crash_shutdown, cannot_connect_now: the server is alive but cannot be used for now. */
const COMES_OR_GOES: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03'])

/** The network path to the machine is gone, so open connections receive nothing either. */
const NO_WAY_THERE: ReadonlySet<string> = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN'])

export function classifyServerError(error: unknown): ServerEvidence {
  if (error instanceof SilentError) return { sign: 'silent', contact: 'nothing' }
  const code = codeOf(error)
  if (isErrorResponse(error) || isAuthenticationFailure(error)) {
    // Poolers answer with class 08 when they cannot reach their server.
    const useless = code !== undefined && (COMES_OR_GOES.has(code) || code.startsWith('08'))
    return { sign: useless ? 'unreachable' : 'refused', contact: 'word' }
  }
  return { sign: 'unreachable', contact: code !== undefined && NO_WAY_THERE.has(code) ? 'nothing' : 'unclear' }
}
