/** A server that does not come back is still asked at least this often, so that it is used again soon after it does. */
const LONGEST_MS = 1_000

/** While no server takes writes, each that may be promoted is asked this often. */
const SEARCH_MS = 100

/**
 * Milliseconds until the next probe: the interval, give or take a tenth so that many processes do not ask in step; after
 * failures in a row any time up to a limit that doubles ("full jitter"), but no more than a second (or the interval, if that
 * is longer).
 *
 * @param searching - no server is known to take writes.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function nextProbeMs(intervalMs: number, failures: number, searching: boolean, random: () => number): number {
  if (failures > 0) {
    const longest = Math.max(intervalMs, LONGEST_MS)
    return Math.max(LEAST_MS, random() * Math.min(longest, intervalMs * 2 ** Math.min(failures, 10)))
  }
  return (searching ? Math.min(intervalMs, SEARCH_MS) : intervalMs) * (0.9 + 0.2 * random())
}

/** A server that has just failed gets at least this long to recover. */
const LEAST_MS = 20
