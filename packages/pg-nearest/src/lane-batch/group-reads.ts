import type { LaneRead } from './lane-read.ts'

/** What one failure takes along, and how long an answer may become before it is sent. */
const MOST_IN_GROUP = 64

/** Puts together what may share a Sync: see `SyncSharing`. Keeps the order otherwise. Pure. */
export function groupReads(reads: readonly LaneRead[]): readonly (readonly LaneRead[])[] {
  const [first] = reads
  if (first !== undefined && reads.length === 1) return [reads]
  const groups: LaneRead[][] = []
  const open = new Map<string, LaneRead[]>()
  for (const read of reads) {
    const { tables } = read.sharing
    const known = tables === undefined ? undefined : open.get(tables)
    if (known !== undefined && known.length < MOST_IN_GROUP) {
      known.push(read)
      continue
    }
    const group = [read]
    groups.push(group)
    if (tables !== undefined) open.set(tables, group)
  }
  return groups
}
