/** The wall clock and the monotonic one part by more than this only if somebody sets the wall clock, or the machine sleeps. */
const JUMP_MS = 100

/**
 * A clock for durations, in milliseconds since the epoch. It never goes back: where the wall clock is set back it goes on as if nothing
 * had happened; where the wall clock jumps ahead, so does this one, because a machine that sleeps stops the monotonic clock.
 */
export function createClock(wall: () => number, monotonic: () => number): () => number {
  let offset = wall() - monotonic()
  let added = offset
  return () => {
    const passed = monotonic()
    const before = offset
    offset = wall() - passed
    if (offset - before > JUMP_MS) added += offset - before
    return passed + added
  }
}

/** What every duration of this process that a machine's sleep must count in is measured by. */
export const steadyNow: () => number = createClock(
  () => Date.now(),
  () => performance.now(),
)

/** By how much it is ahead of the time of day, because that was set back. */
export function aheadMs(): number {
  return steadyNow() - Date.now()
}
