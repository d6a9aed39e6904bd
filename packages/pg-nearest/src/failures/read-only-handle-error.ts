import { NearestError } from '../errors.ts'

/** The server has refused a write, as it was told to. */
export function readOnlyHandleError(handle: string, cause: unknown): NearestError {
  return new NearestError(
    'NEAREST_READ_ONLY_HANDLE',
    `${handle} only reads, so the server refused this statement, which writes: run it on the pool itself, or in pool.transaction().`,
    { cause },
  )
}
