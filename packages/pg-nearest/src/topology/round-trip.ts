/** Weight of the newest sample: the last ten or so count. MongoDB's drivers use the same. */
const ALPHA = 0.2

/** The moving average after one more sample, in milliseconds. */
export function averageRtt(previous: number | undefined, sampleMs: number): number {
  return previous === undefined ? sampleMs : previous + ALPHA * (sampleMs - previous)
}
