/** A server that stays away is asked at least this often, so that it is used again soon after its return. */
const LONGEST_MS = 2_000

/**
 * Milliseconds until the next probe: the interval, give or take a tenth so that many processes do not ask in step; after
 * failures in a row up to twice as long for each, but never longer than two seconds (or the interval, if that is longer).
 */
export function nextProbeMs(intervalMs: number, failuresInARow: number, random: () => number): number {
  const longest = Math.max(intervalMs, LONGEST_MS)
  const wait = Math.min(longest, intervalMs * 2 ** Math.min(failuresInARow, 10))
  return failuresInARow === 0 ? wait * (0.9 + 0.2 * random()) : wait * (0.5 + 0.5 * random())
}
