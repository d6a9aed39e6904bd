import { ReadOnlyModeError } from '../errors.ts'

const WHY = 'The pool is in the mode "read-only", in which nothing is written'

/** For what surely writes. */
export function notSentError(): ReadOnlyModeError {
  return new ReadOnlyModeError(
    `${WHY}, so this statement was not sent. It can be given again when pool.mode is "normal".`,
  )
}

/** For what the server refused. */
export function refusedInModeError(cause: unknown): ReadOnlyModeError {
  return new ReadOnlyModeError(
    `${WHY}, so the server refused this statement. It can be given again when pool.mode is "normal".`,
    { cause },
  )
}
