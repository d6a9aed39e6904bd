/** A server that stays away is asked at least this often, so that it is used again soon after its return. */
const LONGEST_MS = 1_000

/** While nobody takes writes, whoever may be promoted is asked this often. */
const SEARCH_MS = 100

/**
 * Milliseconds until the next probe: the interval, give or take a tenth so that many processes do not ask in step; after
 * failures in a row any time up to a limit that doubles ("full jitter"), but no more than a second (or the interval, if that
 * is longer).
 *
 * @param searching - nobody is known to take writes.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function nextProbeMs(intervalMs: number, failures: number, searching: boolean, random: () => number): number {
  if (failures > 0) {
    const longest = Math.max(intervalMs, LONGEST_MS)
    return Math.max(LEAST_MS, random() * Math.min(longest, intervalMs * 2 ** Math.min(failures, 10)))
  }
  return (searching ? Math.min(intervalMs, SEARCH_MS) : intervalMs) * (0.9 + 0.2 * random())
}

/** A server that has just failed has this long to come to itself. */
const LEAST_MS = 20
