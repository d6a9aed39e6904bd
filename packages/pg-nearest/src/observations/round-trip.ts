/** The newest sample's weight: about the last ten samples count. MongoDB's drivers use the same. */
const ALPHA = 0.2

/** How fast the minimum rises again: about the last sixty samples count. */
const RISE = 1 / 64

/** The decaying minimum in milliseconds, which approximates the distance without queueing delays. */
export function leastRtt(previous: number | undefined, sampleMs: number): number {
  if (previous === undefined || sampleMs < previous) return sampleMs
  return previous + RISE * (sampleMs - previous)
}

/** The moving average after one more sample, in milliseconds. */
export function averageRtt(previous: number | undefined, sampleMs: number): number {
  return previous === undefined ? sampleMs : previous + ALPHA * (sampleMs - previous)
}
