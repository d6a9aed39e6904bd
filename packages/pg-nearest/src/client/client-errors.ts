import { NearestError } from '../errors.ts'

export function notBegun(cause: unknown): NearestError {
  return new NearestError(
    'NEAREST_CONNECTION_LOST',
    'The transaction could not be begun, so nothing of it was run: roll it back, or release this client, and begin it again.',
    { cause },
  )
}

export function notHere(server: string): NearestError {
  return new NearestError(
    'NEAREST_NOT_HERE',
    `This statement needs the primary, and its read-only transaction runs on ${server}: begin the transaction without READ ONLY, or on pool.primary.`,
  )
}
