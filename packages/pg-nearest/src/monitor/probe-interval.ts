/** A server that is down is still probed at least this often, so that it is used again soon after it comes back. */
const LONGEST_MS = 1_000

/** The longest interval while no server takes writes. */
const SEARCH_MS = 100

/**
 * Milliseconds until the next probe: the interval, plus or minus a tenth so that processes do not probe in step. After failures in a
 * row it is a random time up to a limit that doubles ("full jitter"), at most a second, or the interval if that is longer.
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

/** So many servers are each probed at the interval, whether anybody uses them or not. */
const MOST_AT_INTERVAL = 8

/**
 * Milliseconds between two probes of one of many servers: those that nobody uses share the probes of {@link MOST_AT_INTERVAL}, so that
 * a list of hundreds costs no more than that. What runs on a server, and fails there, has it probed at once, whatever its interval.
 *
 * @param used - it takes the writes, connections to it are open, or it is where this process reads when all is well.
 */
export function sharedIntervalMs(intervalMs: number, servers: number, used: boolean): number {
  return used ? intervalMs : intervalMs * Math.max(1, servers / MOST_AT_INTERVAL)
}

/** The shortest time between a failure and the next probe. */
const LEAST_MS = 20
