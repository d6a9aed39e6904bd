import { createFormerPrimaries } from './former-primaries.ts'
import { setRecent } from './recent-machines.ts'
import type { KnownPosition, Seen } from './known-positions.ts'

/** The timelines of one cluster, by what its machines have told, and were seen to become. */
export interface ClusterTimelines {
  /** What a machine has told, and what was known of it before. */
  note(told: Seen, before: KnownPosition | undefined): void
  /** The latest that any of the servers tells. */
  setLatestTold(timeline: number): void
  /** The latest that has begun, by what any server tells, or has become; 0 if none is known. */
  latest(): number
  /**
   * The position up to which the later timeline surely contains the earlier one: the last one that the promoted server was seen to have as a
   * standby. `undefined` if it was not watched then.
   */
  forkPositionOf(timeline: number, later: number): bigint | undefined
  /** A primary of this timeline has told of it; or none has for so long that none is waited for any more. */
  isSettled(timeline: number): boolean
}

/** A primary that can be reached from here is asked within a second or two of its promotion. */
const LEADER_AWAITED_MS = 10_000

export function createClusterTimelines(): ClusterTimelines {
  const forks = new Map<number, bigint>()
  const asStandby = new Map<string, bigint>()
  const led = new Set<number>()
  const firstToldAt = new Map<number, number>()
  const formerPrimaries = createFormerPrimaries()
  let latestTold = 0
  let now = 0
  const isAwaited = (since: number): boolean => now - since < LEADER_AWAITED_MS
  return {
    note(told, before) {
      const { machine, standby, timeline, lsn, at } = told
      now = Math.max(now, at)
      formerPrimaries.note(told)
      if (timeline !== undefined && !firstToldAt.has(timeline)) firstToldAt.set(timeline, at)
      if (standby && machine !== undefined && (asStandby.get(machine) ?? -1n) < lsn) setRecent(asStandby, machine, lsn)
      if (standby || timeline === undefined) return
      led.add(timeline)
      // A machine's name may change with its role.
      const kept = machine === undefined ? (before?.standby === true ? before.lsn : undefined) : asStandby.get(machine)
      if (kept === undefined || (machine === undefined && forks.has(timeline))) return
      if (machine !== undefined) asStandby.delete(machine)
      forks.set(timeline, latestOf(forks.get(timeline), kept))
    },
    setLatestTold(timeline) {
      latestTold = timeline
    },
    latest() {
      const successor = formerPrimaries.successor()
      return successor !== undefined && isAwaited(successor.since)
        ? Math.max(latestTold, successor.timeline)
        : latestTold
    },
    forkPositionOf(timeline, later) {
      let kept: bigint | undefined
      for (const [fork, lsn] of forks) {
        if (fork > timeline && fork <= later && (kept === undefined || lsn < kept)) kept = lsn
      }
      return kept
    },
    isSettled(timeline) {
      const told = firstToldAt.get(timeline)
      return led.has(timeline) || (told !== undefined && !isAwaited(told))
    },
  }
}

function latestOf(a: bigint | undefined, b: bigint): bigint {
  return a !== undefined && a > b ? a : b
}
