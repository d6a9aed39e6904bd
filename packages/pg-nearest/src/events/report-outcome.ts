import { lookAt } from '../errors.ts'
import type { Mode } from '../modes/pool-mode.ts'
import type { QueryEvent } from './event-types.ts'
import type { ServedBy } from './served-by.ts'

interface Listening {
  /** `undefined` while nobody listens. */
  readonly onQuery: ((event: QueryEvent) => void) | undefined
}

/** The time if somebody listens for `query`; otherwise 0, because reading the clock costs something. */
export function clock({ onQuery }: Listening): number {
  return onQuery === undefined ? 0 : performance.now()
}

/** Sets `servedBy` on a result, and emits `query`. */
export function reportResult<R extends object>(
  { onQuery }: Listening,
  text: string,
  start: number,
  result: R,
  servedBy: ServedBy,
  mode: Mode = 'normal',
): R {
  if (Array.isArray(result)) for (const each of result as readonly object[]) mark(each, servedBy)
  mark(result, servedBy)
  onQuery?.({ text, durationMs: performance.now() - start, servedBy, mode })
  return result
}

function mark(result: object, servedBy: ServedBy): void {
  ;(result as { servedBy?: ServedBy }).servedBy = servedBy
}

/** Emits `query` for a failed statement. Returns the error to throw, with a stack trace that leads to the caller. */
export function reportFailure(
  { onQuery }: Listening,
  text: string,
  start: number,
  error: unknown,
  mode: Mode = 'normal',
): unknown {
  onQuery?.({ text, durationMs: performance.now() - start, servedBy: undefined, error, mode })
  // pg creates its errors in a socket callback. Its own pool does the same as this.
  lookAt(() => error instanceof Error && 'severity' in error && Error.captureStackTrace(error, reportFailure))
  return error
}
