/** So many to each doubling: a quantile is off by less than 10 %. */
const STEPS = 8
/** Milliseconds of the first bucket; what is quicker is in it, too. */
const LEAST_MS = 0.01
const BUCKETS = STEPS * 24

/** Counts durations in a fixed space, cheaply enough for every statement. */
export interface LatencyHistogram {
  add(ms: number): void
  readonly count: number
  /** Milliseconds below which this share of them is, from 0 to 1; `undefined` of none. */
  quantile(share: number): number | undefined
}

export function createLatencyHistogram(): LatencyHistogram {
  const buckets = new Uint32Array(BUCKETS)
  let count = 0
  return {
    add(ms) {
      const bucket = Math.ceil(Math.log2(ms / LEAST_MS) * STEPS)
      const index = Math.min(BUCKETS - 1, Math.max(0, bucket))
      buckets[index] = (buckets[index] ?? 0) + 1
      count++
    },
    get count() {
      return count
    },
    quantile(share) {
      if (count === 0) return undefined
      let left = Math.ceil(share * count)
      const index = buckets.findIndex((many) => (left -= many) <= 0)
      return LEAST_MS * 2 ** (index / STEPS)
    },
  }
}
