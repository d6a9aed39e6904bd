import type { HedgeOptions } from './hedge-options.ts'

/** Decides when a slow read is worth sending to a second server. */
export interface Hedging {
  /** A read begins. Returns after how many milliseconds to ask a second server; `undefined` until there are enough samples. */
  begin(): number | undefined
  /** Whether the budget allows one now; if so, it is spent. */
  take(): boolean
  /** A read took this many milliseconds. */
  note(ms: number): void
}

/** How many of the latest reads are considered. */
const SAMPLES = 512
/** How many it takes to know what is slow. */
const LEAST_SAMPLES = 20
/** The percentile is computed once for this many reads. */
const EVERY = 16
/** How many may follow each other at most, after a quiet time. */
const MOST_TOKENS = 10

export function createHedging({ percentile, budget }: HedgeOptions): Hedging {
  const samples: number[] = []
  let at = 0
  let noted = 0
  let afterMs: number | undefined
  let tokens = 1
  return {
    begin() {
      tokens = Math.min(MOST_TOKENS, tokens + budget)
      return afterMs
    },
    take() {
      if (tokens < 1) return false
      tokens--
      return true
    },
    note(ms) {
      samples[at] = ms
      at = (at + 1) % SAMPLES
      if (++noted < LEAST_SAMPLES || noted % EVERY !== 0) return
      const sorted = samples.toSorted((a, b) => a - b)
      afterMs = sorted[Math.floor(sorted.length * percentile)]
    },
  }
}
