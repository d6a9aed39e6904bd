import type { ServedBy } from '../events/served-by.ts'
import type { Engine } from './engine.ts'
import type { StatementResult } from '../wire/exchange.ts'

/** The time if somebody listens for `query`; otherwise 0, because reading the clock costs something. */
export function clock({ onQuery }: Engine): number {
  return onQuery === undefined ? 0 : performance.now()
}

/** Sets `servedBy` on a result, and emits `query`. */
export function reportResult(
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

/** Emits `query` for a failed statement. Returns the error to throw, with a stack trace that leads to the caller. */
export function reportFailure({ onQuery }: Engine, text: string, start: number, error: unknown): unknown {
  onQuery?.({ text, durationMs: performance.now() - start, servedBy: undefined, error })
  // pg creates its errors in a socket callback. Its own pool does the same as this.
  if (error instanceof Error && 'severity' in error) Error.captureStackTrace(error, reportFailure)
  return error
}
