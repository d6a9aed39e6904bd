/** Measures the time between ticks, without the time in which the process was too busy to receive anything. */
export interface StallAwareClock {
  /** Milliseconds since the last tick: no more than a tick should take. */
  tick(now: number): number
}

export function createStallAwareClock(tickMs: number, start: number): StallAwareClock {
  let last = start
  return {
    tick(now) {
      const passedMs = now - last
      last = now
      return Math.min(passedMs, tickMs)
    },
  }
}
