/** Weight of the newest sample: the last ten or so count. MongoDB's drivers use the same. */
const ALPHA = 0.2

/** How fast the least one rises again: the last sixty or so count. */
const RISE = 1 / 64

/** The distance after one more sample, in milliseconds: without what a busy server, line or process adds to most. */
export function leastRtt(previous: number | undefined, sampleMs: number): number {
  if (previous === undefined || sampleMs < previous) return sampleMs
  return previous + RISE * (sampleMs - previous)
}

/** The moving average after one more sample, in milliseconds. */
export function averageRtt(previous: number | undefined, sampleMs: number): number {
  return previous === undefined ? sampleMs : previous + ALPHA * (sampleMs - previous)
}
