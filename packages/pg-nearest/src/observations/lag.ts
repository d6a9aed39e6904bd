import type { ServerState } from '../topology/topology-types.ts'
import { stalenessBound, type PrimaryTrail } from './staleness.ts'
import type { Observation } from './topology-updates.ts'

/** How far behind the primary's latest positions an answer shows a server to be. */
export function lagOf(trail: PrimaryTrail, seen: Observation): Pick<ServerState, 'lagBytes' | 'stalenessMs'> {
  if (seen.role === 'primary') return { lagBytes: 0, stalenessMs: 0 }
  const last = trail.at(-1)
  if (last === undefined || seen.lsn === undefined) return { lagBytes: undefined, stalenessMs: undefined }
  const behind = last.lsn - seen.lsn
  return {
    lagBytes: behind > 0n ? Number(behind) : 0,
    stalenessMs: stalenessBound(trail, seen.lsn, seen.answeredAt),
  }
}
