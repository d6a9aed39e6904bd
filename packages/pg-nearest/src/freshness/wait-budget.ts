import type { Pace } from '../monitor/known-positions.ts'

/** Of the time that asking the primary takes, this much may be spent in vain on asking a replica and waiting for it. */
const SHARE = 0.085
/** And this much on asking alone. */
const NEAR_SHARE = 0.05
/** Nobody notices this, and where the primary is as near as the replicas, the reads after a write stay off it. */
const LEAST_MS = 3

/** A server this far away is worth asking, though it may be behind: what it costs if it is, beyond asking the primary. */
export function nearMs(primaryRttMs: number | undefined): number {
  return Math.max(LEAST_MS, (primaryRttMs ?? 0) * NEAR_SHARE)
}

/** How long a read may wait for a replica so far away before it asks the primary. */
export function waitBudgetMs(primaryRttMs: number | undefined, rttMs: number | undefined): number {
  return Math.max(LEAST_MS, (primaryRttMs ?? 0) * SHARE - (rttMs ?? 0))
}

/** How long to wait for a replica that is behind by so many bytes: not at all if its pace makes it pointless. */
export function waitMs(budgetMs: number, behindBytes: bigint, pace: Pace | undefined): number {
  if (pace === undefined || pace.sinceMs < budgetMs) return budgetMs
  if (pace.bytes <= 0n) return 0
  const expectedMs = (Number(behindBytes) * pace.sinceMs) / Number(pace.bytes)
  return expectedMs > budgetMs ? 0 : budgetMs
}
