import type { ServedBy } from '../events/served-by.ts'
import type { Engine } from './engine.ts'
import type { StatementResult } from '../wire/exchange.ts'

/** The time, where somebody listens; else 0, for a clock costs, too. */
export function clock({ onQuery }: Engine): number {
  return onQuery === undefined ? 0 : performance.now()
}

/** Writes on a result who gave it, and why that server, and tells whoever listens. */
export function recordResult(
  { onQuery }: Engine,
  text: string,
  start: number,
  result: StatementResult,
  servedBy: ServedBy,
): StatementResult {
  if (Array.isArray(result)) for (const each of result) mark(each, servedBy)
  mark(result, servedBy)
  onQuery?.({ text, durationMs: performance.now() - start, servedBy })
  return result
}

function mark(result: object, servedBy: ServedBy): void {
  ;(result as { servedBy?: ServedBy }).servedBy = servedBy
}

/** Tells whoever listens that a statement failed. Returns the error to throw, with a stack that leads to the caller. */
export function recordFailure({ onQuery }: Engine, text: string, start: number, error: unknown): unknown {
  onQuery?.({ text, durationMs: performance.now() - start, servedBy: undefined, error })
  // pg's errors are born at the socket; its own pool does the same.
  if (error instanceof Error && 'severity' in error) Error.captureStackTrace(error, recordFailure)
  return error
}
