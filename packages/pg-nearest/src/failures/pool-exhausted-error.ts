import { NearestError } from '../errors.ts'

/** Its connections were all in use until the time was over. */
export function poolExhaustedError(server: string, cause: unknown): NearestError {
  if (cause instanceof NearestError) return cause
  return new NearestError(
    'NEAREST_TIMEOUT',
    `No connection to ${server} came free within connectionTimeoutMillis: raise it or "max", or look for clients that are never released.`,
    { cause },
  )
}
