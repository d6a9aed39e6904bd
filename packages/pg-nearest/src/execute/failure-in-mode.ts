import { isUnavailableError } from '../errors.ts'
import { refusedInModeError } from '../failures/mode-errors.ts'
import { provesWrite } from '../route/failure-meaning.ts'
import { isReadOnlyByMode } from '../route/in-mode.ts'
import type { OwnSession, Scope } from './engine.ts'

/** What the caller is told of a failure in the mode that the statement ran in. Its session learns if nothing could be written. */
export function failureInMode(scope: Scope, session: OwnSession, error: unknown): unknown {
  const told = isReadOnlyByMode(scope) && provesWrite(error) ? refusedInModeError(error) : error
  if (isUnavailableError(told)) session?.noteUnavailable()
  return told
}
