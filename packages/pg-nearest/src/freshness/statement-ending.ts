import type { PositionQuestions } from '../session-positions/position-question.ts'
import type { Attempt } from '../route/plan-servers.ts'

/** `trust`: the server need not prove anything, because the statement is pinned to it or no other server is left. */
export type Trust = 'prove' | 'trust'

export function trusts({ unproven }: Attempt): Trust {
  return unproven === true ? 'trust' : 'prove'
}

/**
 * - `answered`: its server works.
 * - `refused`: with an error, which a pooler answers for a server that is gone, too.
 * - `ended`: something that went on for a while is over.
 */
type StatementOutcome = 'answered' | 'refused' | 'ended'

/** How a statement has ended on a server, and what may have come of it. */
export interface StatementEnding {
  readonly trust: Trust
  readonly questions: PositionQuestions | undefined
  readonly outcome: StatementOutcome
  /** Though it looks like a read: by a function that it has called there. */
  readonly mayHaveWritten: boolean
}
