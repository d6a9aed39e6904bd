/** If a tick is later than this, the process was too busy to read the servers' answers. */
const LATE_MS = 50

/** Measures the time between ticks, without the time in which the process was too busy to receive anything. */
export interface StallAwareClock {
  /** Milliseconds since the last tick; `undefined` if the process was too busy. */
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
