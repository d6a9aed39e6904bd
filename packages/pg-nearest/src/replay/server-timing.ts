import type { ReplayReason } from './replay-decision.ts'
import type { TripCounter } from './trip-counter.ts'

/**
 * The header of a request that ran here: why, as was decided before its handler began, and how often and for how many milliseconds it has
 * then waited for the primary.
 */
export function serverTiming(
  reason: ReplayReason,
  { trips, waitedMs }: Pick<TripCounter, 'trips' | 'waitedMs'>,
  beside: boolean,
): string {
  const expected = reason === 'cheap' ? 'cheap so far' : reason
  return `pg-nearest;desc="${expected}, ${trips} to the primary${beside ? ' next door' : ''}";dur=${waitedMs.toFixed(1)}`
}
