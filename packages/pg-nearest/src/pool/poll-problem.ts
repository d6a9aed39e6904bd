import { messageOf } from '../driver-errors.ts'
import { withoutSecrets } from '../error-messages/without-secrets.ts'
import type { ProblemEvent } from '../events/event-types.ts'

/** The list of servers could not be read anew. */
export function pollProblem(error: unknown): ProblemEvent {
  const cause = withoutSecrets(error)
  return {
    server: undefined,
    region: undefined,
    code: 'NEAREST_SERVER_LIST',
    message: `The list of servers could not be read anew (${messageOf(cause)}), so it stays as it was: look at what "servers" does.`,
    cause,
  }
}
