import { codeOf, isAnswer, isAuthenticationFailure } from '../server-failure.ts'
import type { Sign } from '../topology/health.ts'
import { SilentError } from './probe-timeout.ts'

/** What a failure to connect to a server, or to ask it, says about the server. */
export interface Evidence {
  readonly sign: Extract<Sign, 'refused' | 'unreachable' | 'silent'>
  /** `word`: the server itself said something. `nothing`: nothing came back. `unclear`: something else said no. */
  readonly contact: 'word' | 'nothing' | 'unclear'
}

/** admin_shutdown, crash_shutdown, cannot_connect_now: alive, and of no use for now. */
const COMES_OR_GOES: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03'])

/** The way to the machine is gone, so that open connections to it hear nothing either. */
const NO_WAY_THERE: ReadonlySet<string> = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN'])

export function evidenceOf(error: unknown): Evidence {
  if (error instanceof SilentError) return { sign: 'silent', contact: 'nothing' }
  const code = codeOf(error)
  if (isAnswer(error) || isAuthenticationFailure(error)) {
    // Class 08 is what a pooler answers that cannot reach its server.
    const useless = code !== undefined && (COMES_OR_GOES.has(code) || code.startsWith('08'))
    return { sign: useless ? 'unreachable' : 'refused', contact: 'word' }
  }
  return { sign: 'unreachable', contact: code !== undefined && NO_WAY_THERE.has(code) ? 'nothing' : 'unclear' }
}
