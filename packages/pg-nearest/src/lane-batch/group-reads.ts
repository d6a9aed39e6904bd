import type { LaneRead } from './lane-read.ts'

/** What one failure takes along, and how long an answer may become before it is sent. */
const MOST_IN_GROUP = 64
/** Fewer are not worth a Sync more. */
const LEAST_IN_HALF = 5

/**
 * Puts together what may share a Sync: see `SyncSharing`. Keeps the order otherwise. Pure.
 *
 * @param isIdle - nothing is in flight. Many go in two groups then: the server answers the second while the first is read here, and from
 *   then on both are busy.
 */
export function groupReads(reads: readonly LaneRead[], isIdle: boolean): readonly (readonly LaneRead[])[] {
  if (reads.length === 1) return [reads]
  const isHalved = isIdle && reads.length >= 2 * LEAST_IN_HALF
  const most = isHalved ? Math.min(Math.ceil(reads.length / 2), MOST_IN_GROUP) : MOST_IN_GROUP
  const groups: LaneRead[][] = []
  const open = new Map<string, LaneRead[]>()
  for (const read of reads) {
    const { tables } = read.sharing
    const known = tables === undefined ? undefined : open.get(tables)
    if (known !== undefined && known.length < most) {
      known.push(read)
      continue
    }
    const group = [read]
    groups.push(group)
    if (tables !== undefined) open.set(tables, group)
  }
  return groups
}
