import { NearestError } from '../errors.ts'
import { WHY_READ_ONLY } from './server-problem.ts'

/** A primary refused a write that was not sent READ ONLY. */
export function notWritableError(server: string, cause: unknown): NearestError {
  return new NearestError(
    'NEAREST_READ_ONLY',
    `${server} is the primary and refuses to write, though it is no standby: look at default_transaction_read_only there. ${WHY_READ_ONLY}`,
    { cause },
  )
}

/** Its connections were all in use until the time was over. */
export function notLentError(server: string, cause: unknown): NearestError {
  if (cause instanceof NearestError) return cause
  return new NearestError(
    'NEAREST_TIMEOUT',
    `No connection to ${server} came free within connectionTimeoutMillis: raise it or "max", or look for clients that are never released.`,
    { cause },
  )
}
