import type { Pace } from '../positions/known-positions.ts'

/** The share of the primary's round trip that may be spent on asking a replica and waiting for it. */
const SHARE = 0.085
/** The share that may be spent on asking alone. */
const NEAR_SHARE = 0.05
/** Always allowed, so that reads after a write stay on replicas even where the primary is equally near. */
const LEAST_MS = 3

/** The primary is hardly further than a replica: waiting for that may cost more than it saves. */
export function isAsNear(primaryRttMs: number | undefined, rttMs: number | undefined): boolean {
  return primaryRttMs !== undefined && rttMs !== undefined && primaryRttMs - rttMs <= LEAST_MS
}

/** A server that may be behind is worth asking if its round trip is at most this long. */
export function nearMs(primaryRttMs: number | undefined): number {
  return Math.max(LEAST_MS, (primaryRttMs ?? 0) * NEAR_SHARE)
}

/** How long a read may wait for a replica at this distance before it asks the primary. */
export function waitBudgetMs(primaryRttMs: number | undefined, rttMs: number | undefined): number {
  return Math.max(LEAST_MS, (primaryRttMs ?? 0) * SHARE - (rttMs ?? 0))
}

/** How long to wait for a replica that is this many bytes behind; 0 if at its pace it would not catch up in time. */
export function waitMs(budgetMs: number, behindBytes: bigint, pace: Pace | undefined): number {
  if (pace === undefined || pace.sinceMs < budgetMs) return budgetMs
  if (pace.bytes <= 0n) return 0
  const expectedMs = (Number(behindBytes) * pace.sinceMs) / Number(pace.bytes)
  return expectedMs > budgetMs ? 0 : budgetMs
}
