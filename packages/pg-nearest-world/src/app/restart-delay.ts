const FIRST_MS = 200
const MOST_MS = 10_000
/** Who has run for so long does not fail at its start. */
const SOUND_MS = 5_000

/** Milliseconds until a process is started again: longer each time that it ends soon after its start. */
export function restartDelay(lastDelayMs: number, ranForMs: number): number {
  if (lastDelayMs === 0 || ranForMs >= SOUND_MS) return FIRST_MS
  return Math.min(lastDelayMs * 2, MOST_MS)
}
