import type { ServedBy } from '../events/served-by.ts'
import type { Need } from '../statement/need.ts'
import type { Guard } from './guard.ts'
import type { Final } from './open-transaction.ts'
import type { Attempt } from './plan.ts'
import type { Request } from './request.ts'
import type { StatementResult } from './run-statement.ts'
import type { Turn } from './turns.ts'

/** A result, and who gave it. */
export interface Serving {
  readonly result: StatementResult
  readonly servedBy: ServedBy
}

/** A statement of a borrowed client that waits for its turn. */
export interface Call extends Turn {
  readonly request: Request
  readonly need: Need
  readonly guard: Guard | undefined
  readonly settle: (serving: Serving) => void
  readonly fail: (error: unknown) => void
}

/** What hands the work's outcome to its caller, once it has ended. */
export function delivering(
  work: Promise<Serving>,
  { settle, fail }: Pick<Call, 'settle' | 'fail'>,
): Promise<() => void> {
  return work.then(
    (serving) => () => settle(serving),
    (error: unknown) => () => fail(error),
  )
}

/** Whether this server is among those that are tried. */
export function leadTo(attempts: readonly Attempt[], server: string): boolean {
  return attempts.some((attempt) => attempt.server === server)
}

/** Answers those that were sent as one group: the others by their own callbacks, the first by this one's result. */
export function answerAll(calls: readonly Call[], finals: readonly Final[], servedBy: ServedBy): Serving {
  for (const [i, call] of calls.entries()) {
    const final = finals[i]
    if (i === 0 || final === undefined) continue
    if ('result' in final) call.settle({ result: final.result, servedBy })
    else call.fail(final.error)
  }
  const [first] = finals
  if (first === undefined || 'error' in first) throw first?.error
  return { result: first.result, servedBy }
}
