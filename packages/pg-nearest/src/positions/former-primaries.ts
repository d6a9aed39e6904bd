import type { Seen } from './known-positions.ts'
import { setRecent } from './recent-machines.ts'

/**
 * Which primaries of a cluster have become standbys. Whatever has replaced such a one leads a later timeline, even if nobody has told of it
 * yet; and the machine may have been rewound to that timeline's history, and tell only later that it follows it.
 */
export interface FormerPrimaries {
  note(told: Pick<Seen, 'machine' | 'standby' | 'timeline' | 'at'>): void
  /** The latest timeline that must have begun for a primary to have become a standby, and when that was seen. `undefined`: none. */
  successor(): { readonly timeline: number; readonly since: number } | undefined
}

/** Whoever answers at an address. */
interface Resident {
  readonly machine: string
  readonly startedAt: number
  /** When it was first asked, by `performance.now()`. */
  readonly since: number
  readonly standby: boolean
  /** The latest timeline that was led here, by it or before its restart. */
  readonly led: number | undefined
}

export function createFormerPrimaries(): FormerPrimaries {
  /** `unplaced`: it has no address, or one that others have, too. */
  const residents = new Map<string, Resident | 'unplaced'>()
  const places = new Map<string, Resident | 'shared'>()
  let former: readonly Resident[] = []

  const settle = (place: string, next: Resident, isShared: boolean): void => {
    const before = places.get(place)
    if (before !== undefined && before !== 'shared') residents.delete(before.machine)
    setRecent(residents, next.machine, isShared ? 'unplaced' : next)
    setRecent(places, place, isShared ? 'shared' : next)
    const all = [...residents.values()].filter((each) => each !== 'unplaced')
    former = all.filter(({ standby, led }) => standby && led !== undefined)
  }

  /** Somebody leads a timeline: an address where it was led before may belong to somebody else now. */
  const refute = (timeline: number, at: number): void => {
    for (const each of former) {
      const place = each.led === timeline && each.since < at ? placeOf(each.machine)?.place : undefined
      if (place !== undefined) settle(place, { ...each, led: undefined }, false)
    }
  }

  return {
    note({ machine, standby, timeline, at }) {
      const led = standby ? undefined : timeline
      if (led !== undefined && former.length > 0) refute(led, at)
      const same = machine === undefined ? undefined : residents.get(machine)
      if (machine === undefined || same === 'unplaced') return
      // Without a restart no primary becomes a standby: that is a late answer.
      if (same !== undefined && (same.standby ? standby : standby || led === undefined || led === same.led)) return
      const from = placeOf(machine)
      if (from === undefined) return setRecent(residents, machine, 'unplaced')
      const { place, startedAt } = from
      const known = places.get(place)
      if (known === 'shared') return setRecent(residents, machine, 'unplaced')
      if (known !== undefined && known.since > at) return
      // In containers on several hosts two of them may tell the same address. A restart is always later.
      const isShared = known !== undefined && known.startedAt > startedAt
      settle(place, { machine, startedAt, since: same?.since ?? at, standby, led: led ?? known?.led }, isShared)
    },
    successor() {
      let latest: { timeline: number; since: number } | undefined
      for (const { led = 0, since } of former)
        if (latest === undefined || led >= latest.timeline) latest = { timeline: led + 1, since }
      return latest
    },
  }
}

/** A restart keeps the address and the port. Over a socket none is told. */
function placeOf(machine: string): { readonly place: string; readonly startedAt: number } | undefined {
  const [start = '', ...place] = machine.split(' ')
  return place.length === 2 ? { place: place.join(' '), startedAt: Number(start) } : undefined
}
