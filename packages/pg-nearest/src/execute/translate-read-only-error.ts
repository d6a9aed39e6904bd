import { isErrorResponse } from '../driver-errors.ts'
import { isUnavailableError } from '../errors.ts'
import { refusedInModeError } from '../failures/read-only-mode-errors.ts'
import { readOnlyHandleError } from '../failures/read-only-handle-error.ts'
import { provesWrite } from '../route/failure-meaning.ts'
import { handleName } from './handle-name.ts'
import { isReadOnlyByMode } from '../route/in-mode.ts'
import type { OwnSession, Scope } from './engine-interface.ts'

/**
 * What the caller is told of a failure where, and in the mode that, the statement ran. Its session learns if nothing could be written.
 *
 * @param neverWrites - it ran where the server was told to refuse writes.
 */
export function translateReadOnlyError(
  scope: Scope,
  session: OwnSession,
  error: unknown,
  neverWrites: boolean = scope.readOnly,
): unknown {
  // What a type parser of the caller's throws may look like it.
  const told = neverWrites && isErrorResponse(error) && provesWrite(error) ? refusalIn(scope, error) : error
  if (isUnavailableError(told)) session?.noteUnavailable()
  return told
}

function refusalIn(scope: Scope, error: unknown): Error {
  return isReadOnlyByMode(scope) ? refusedInModeError(error) : readOnlyHandleError(handleName(scope), error)
}
