/** The primary had this position at this moment, or a later one. */
export interface PositionSample {
  readonly lsn: bigint
  /** When the primary was asked, in milliseconds by a clock that never goes back: before it answered, so the bound is safe. */
  readonly at: number
  /** The cluster's system identifier; `undefined` if it may not be asked for. */
  readonly cluster?: string | undefined
}

/** The primary's latest positions, oldest first. */
export type PrimaryTrail = readonly PositionSample[]

const TRAIL_LENGTH = 300

/**
 * Adds a sample. Starts a new trail if the position has gone backwards (a failover that lost writes, a restore), or is another
 * cluster's.
 */
export function extendTrail(trail: PrimaryTrail, sample: PositionSample): PrimaryTrail {
  const last = trail.at(-1)
  if (last === undefined || sample.lsn < last.lsn || sample.cluster !== last.cluster) return [sample]
  const beforeLast = trail.at(-2)
  // Of a run of equal positions only the first and the last matter: an idle primary does not lengthen the trail.
  const kept = last.lsn === sample.lsn && beforeLast?.lsn === sample.lsn ? trail.slice(0, -1) : trail
  return [...kept, sample].slice(-TRAIL_LENGTH)
}

/**
 * How far behind a replica can be at most, in milliseconds: it has replayed a position that the primary had at time t,
 * so it is at most `now - t` behind. `undefined` when it is behind everything on the trail.
 */
export function stalenessBound(trail: PrimaryTrail, replayed: bigint, now: number): number | undefined {
  const sample = trail.findLast(({ lsn }) => lsn <= replayed)
  return sample === undefined ? undefined : Math.max(0, now - sample.at)
}

/**
 * A position that the primary had at most `maxMs` ago: a server that shows it is at most that stale. `undefined` if the primary was
 * not asked within that time.
 */
export function positionWithin(trail: PrimaryTrail, now: number, maxMs: number): bigint | undefined {
  return trail.find(({ at }) => at >= now - maxMs)?.lsn
}
