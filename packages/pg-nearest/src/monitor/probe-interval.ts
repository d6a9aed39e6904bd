/** A server that is down is still probed at least this often, so that it is used again soon after it comes back. */
const LONGEST_MS = 1_000

/** The longest interval while no server takes writes. */
const SEARCH_MS = 100

/** The shortest time between a failure and the next probe. */
const LEAST_MS = 20

/** So many servers are each probed at the interval, whether anybody uses them or not. */
const MOST_AT_INTERVAL = 4

/** At least each so many intervals, and so many times that number at once: no more, because this process does nothing else meanwhile. */
const MOST_TOGETHER = 4

/** What decides when a server is probed again. */
export interface ProbePace {
  readonly intervalMs: number
  /** Of the pool. */
  readonly servers: number
  /** It takes the writes, connections to it are open, or it is where this process reads when all is well. */
  readonly used: boolean
  /** In a row. */
  readonly failures: number
  /** No server is known to take writes. */
  readonly searching: boolean
}

/**
 * Milliseconds until the next probe: the interval, plus or minus a tenth so that processes do not probe in step. After failures in a
 * row it is a random time up to a limit that doubles ("full jitter"), at most a second, or the interval if that is longer.
 *
 * Of many servers those that nobody uses share the probes of {@link MOST_AT_INTERVAL}, so that a list of hundreds costs no more than that, and are
 * probed together, because one that wakes the process by itself costs twice as much. What runs on a server, and fails there, has it probed at
 * once, whatever its interval.
 *
 * @param now - by a clock of this process alone: what is probed together is due at the same multiples of one to {@link MOST_TOGETHER} intervals.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function nextProbeMs(pace: ProbePace, random: () => number, now: number = performance.now()): number {
  const { intervalMs, failures, searching, used } = pace
  const sharedMs = used ? intervalMs : sharedIntervalMs(pace)
  if (failures > 0) {
    const longest = Math.max(sharedMs, LONGEST_MS)
    return Math.max(LEAST_MS, random() * Math.min(longest, sharedMs * 2 ** Math.min(failures, 10)))
  }
  const ms = (searching ? Math.min(sharedMs, SEARCH_MS) : sharedMs) * (0.9 + 0.2 * random())
  return searching || used ? ms : nearestBeat(now + ms, now, Math.min(sharedMs, intervalMs * MOST_TOGETHER)) - now
}

function sharedIntervalMs({ intervalMs, servers }: ProbePace): number {
  return intervalMs * Math.max(1, servers / MOST_AT_INTERVAL)
}

/** The multiple of `everyMs` that is nearest to when it is due, and still to come. */
function nearestBeat(due: number, now: number, everyMs: number): number {
  return Math.max(Math.round(due / everyMs), Math.floor(now / everyMs) + 1) * everyMs
}
