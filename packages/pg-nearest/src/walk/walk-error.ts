import { OutcomeUnknownError, type Candidate, type FailedAttempt } from '../errors.ts'
import { provesWrite } from '../route/failure-meaning.ts'
import { noServerError, type ListState } from '../failures/no-server-error.ts'
import { readOnlyPrimaryError } from '../failures/read-only-primary-error.ts'
import { poolExhaustedError } from '../failures/pool-exhausted-error.ts'
import type { WalkEnd } from '../walk-states/walk-state-machine.ts'
import type { WalkFailure } from '../walk-states/walk-state.ts'

export function failedAttempts(failures: readonly WalkFailure[]): readonly FailedAttempt[] {
  return failures.map(({ server, evidence }) => ({ server, error: evidence.error }))
}

/** The error that the caller gets. */
export function walkError(
  end: WalkEnd,
  failures: readonly WalkFailure[],
  candidates: readonly Candidate[],
  text: string,
  readOnly: boolean,
  list: ListState,
): unknown {
  switch (end.kind) {
    case 'cut':
    case 'refused':
      return end.error
    case 'unknown':
      return new OutcomeUnknownError(text, end.server, end.error)
    case 'nobody': {
      return noServerError(failedAttempts(failures), candidates, end.gaveUp, list)
    }
    case 'error': {
      const { server, standby, evidence } = end
      if (evidence.kind === 'no-connection' && evidence.why === 'queue')
        return poolExhaustedError(server, evidence.error)
      if (evidence.kind !== 'answered' || !provesWrite(evidence.error) || standby || readOnly) return evidence.error
      return readOnlyPrimaryError(server, evidence.error)
    }
  }
}
