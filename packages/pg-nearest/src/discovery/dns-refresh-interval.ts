const LEAST_MS = 1_000
const MOST_MS = 300_000
/** The least part of it that is waited, so that the processes of an app do not all ask at once. */
const LEAST_PART = 0.8

/**
 * Milliseconds until names are looked up again: the shortest time for which one of the answers holds, within a second and five minutes, and
 * up to a fifth less.
 *
 * @param random - between 0 and 1
 */
export function refreshInterval(ttlsMs: readonly number[], random: number): number {
  const ttl = Math.min(Math.max(Math.min(...ttlsMs, MOST_MS), LEAST_MS), MOST_MS)
  return Math.round(ttl * (LEAST_PART + (1 - LEAST_PART) * random))
}
