/** When a second server is asked, and how often at most. */
export interface HedgeOptions {
  /** A second server is asked once a read has taken longer than this share of the reads before. Above 0, below 1; default 0.95. */
  readonly percentile: number
  /** The share of reads that may be hedged at most. Above 0, at most 1; default 0.05. */
  readonly budget: number
}

export const HEDGES = 'true, false, or { percentile: 0.95, budget: 0.05 } with shares between 0 and 1'

export function isHedge(value: unknown): boolean {
  if (typeof value === 'boolean') return true
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.entries(value).every(
    ([name, share]) =>
      share === undefined ||
      (typeof share === 'number' && share > 0 && (name === 'percentile' ? share < 1 : name === 'budget' && share <= 1)),
  )
}

export function hedgeOptions(given: true | Partial<HedgeOptions>): HedgeOptions {
  const { percentile = 0.95, budget = 0.05 } = given === true ? {} : given
  return { percentile, budget }
}
