import type { HedgeOptions } from './hedge-options.ts'

/** When a second server is worth asking. */
export interface Hedging {
  /** A read begins. Milliseconds after which a second server may be asked; `undefined` as long as too little is known. */
  begin(): number | undefined
  /** Whether one may be asked now; if so, it is counted. */
  take(): boolean
  /** A read was answered after so many milliseconds. */
  note(ms: number): void
}

/** The last so many reads count. */
const SAMPLES = 512
/** With less nobody knows what is slow. */
const LEAST_SAMPLES = 20
/** So often the percentile is taken anew. */
const EVERY = 16
/** So many may be asked in a row after a quiet time. */
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
