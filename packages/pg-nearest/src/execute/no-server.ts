import { NoServerError, type FailedAttempt } from '../errors.ts'
import { describeFailure, isAuthenticationFailure } from '../server-failure.ts'

/** The error for a statement that no server could run, with what each of them said. */
export function noServer(attempts: readonly FailedAttempt[]): NoServerError {
  const said = attempts.map(({ server, error }) => describeFailure(server, error))
  const refused = attempts.length > 0 && attempts.every(({ error }) => isAuthenticationFailure(error))
  return new NoServerError(
    `No server could run the statement. ${said.join(' ')}`.trimEnd(),
    attempts,
    refused ? 'NEAREST_AUTHENTICATION' : 'NEAREST_NO_SERVER',
  )
}
