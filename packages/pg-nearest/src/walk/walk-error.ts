import { NearestError, OutcomeUnknownError, type Candidate } from '../errors.ts'
import { provesWrite } from '../route/failure-meaning.ts'
import { noServerError, type ListState } from '../failures/no-server-error.ts'
import { WHY_READ_ONLY } from '../failures/server-problem.ts'
import type { WalkEnd } from './walk-state-machine.ts'
import type { WalkFailure } from './walk-state.ts'

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
      const attempts = failures.map(({ server, evidence }) => ({ server, error: evidence.error }))
      return noServerError(attempts, candidates, end.gaveUp, list)
    }
    case 'error': {
      const { server, standby, evidence } = end
      if (evidence.kind === 'no-connection' && evidence.why === 'queue') return notLent(server, evidence.error)
      if (evidence.kind !== 'answered' || !provesWrite(evidence.error) || standby || readOnly) return evidence.error
      return notWritable(server, evidence.error)
    }
  }
}

/** A primary refused a write that was not sent READ ONLY. */
function notWritable(server: string, cause: unknown): NearestError {
  return new NearestError(
    'NEAREST_READ_ONLY',
    `${server} is the primary and refuses to write, though it is no standby: look at default_transaction_read_only there. ${WHY_READ_ONLY}`,
    { cause },
  )
}

function notLent(server: string, cause: unknown): NearestError {
  if (cause instanceof NearestError) return cause
  return new NearestError(
    'NEAREST_TIMEOUT',
    `No connection to ${server} came free within connectionTimeoutMillis: raise it or "max", or look for clients that are never released.`,
    { cause },
  )
}
