import type { Pace } from '../monitor/known-positions.ts'

/** Of the time that asking the primary would take, this much may be spent on waiting for a replica instead. */
const SHARE = 1 / 25
const NEAR_SHARE = 1 / 20
/** Nobody notices this, and where the primary is as near as the replicas, the reads after a write stay off it. */
const LEAST_MS = 3

/** A server this far away is worth asking, though it may be behind: what it costs if it is, beyond asking the primary. */
export function nearMs(primaryRttMs: number | undefined): number {
  return Math.max(LEAST_MS, (primaryRttMs ?? 0) * NEAR_SHARE)
}

/** How long a read may wait near by before it asks the primary: what it costs at most, beyond asking the primary. */
export function patienceMs(primaryRttMs: number | undefined): number {
  return Math.max(LEAST_MS, (primaryRttMs ?? 0) * SHARE)
}

/** How long to wait for a replica that is behind by so many bytes: not at all if its pace makes it pointless. */
export function waitMs(patience: number, behindBytes: bigint, pace: Pace | undefined): number {
  if (pace === undefined || pace.sinceMs < patience) return patience
  if (pace.bytes <= 0n) return 0
  const expected = (Number(behindBytes) * pace.sinceMs) / Number(pace.bytes)
  return expected > patience ? 0 : patience
}
