/** A tick that is later than this tells of this process, and nothing of the servers: their answers may lie there unread. */
const LATE_MS = 50

/** Measures the time in which this process could listen, from tick to tick. */
export interface StallAwareClock {
  /** Milliseconds listened since the last tick; `undefined` when the process was too busy to listen. */
  tick(now: number): number | undefined
}

export function createStallAwareClock(tickMs: number, start: number): StallAwareClock {
  let last = start
  return {
    tick(now) {
      const passedMs = now - last
      last = now
      return passedMs > tickMs + LATE_MS ? undefined : passedMs
    },
  }
}
