import type { Seen } from './known-positions.ts'
import { setRecent } from './recent-machines.ts'

/**
 * Which primaries of a cluster have become standbys. Whatever has replaced such a one leads a later timeline, even if nobody has told of it yet; and the
 * machine may have been rewound to that timeline's history, and tell only later that it follows it.
 */
export interface FormerPrimaries {
  note(told: Pick<Seen, 'machine' | 'standby' | 'timeline' | 'at'>): void
  /** The latest timeline that must have begun for a primary to have become a standby; 0: none. */
  successorTimeline(): number
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
  const residents = new Map<string, Resident>()
  const places = new Map<string, Resident | 'shared'>()
  let successor = 0

  const settle = (place: string, next: Resident | 'shared', before: Resident | undefined): void => {
    if (before !== undefined) residents.delete(before.machine)
    if (next !== 'shared') setRecent(residents, next.machine, next)
    setRecent(places, place, next)
    successor = 0
    for (const { standby, led } of residents.values())
      if (standby && led !== undefined && led >= successor) successor = led + 1
  }

  return {
    note({ machine, standby, timeline, at }) {
      const same = machine === undefined ? undefined : residents.get(machine)
      const led = standby ? undefined : timeline
      if (same !== undefined && same.standby === standby && (led === undefined || led === same.led)) return
      const from = machine === undefined ? undefined : placeOf(machine)
      if (machine === undefined || from === undefined) return
      const { place, startedAt } = from
      const known = places.get(place)
      if (known === 'shared' || (known !== undefined && known.since > at)) return
      // In containers on several hosts two of them may tell the same address. A restart is always later.
      const isShared = known !== undefined && known.startedAt > startedAt
      const next = { machine, startedAt, since: same?.since ?? at, standby, led: led ?? known?.led }
      settle(place, isShared ? 'shared' : next, known)
    },
    successorTimeline: () => successor,
  }
}

/** A restart keeps the address and the port. Over a socket none is told. */
function placeOf(machine: string): { readonly place: string; readonly startedAt: number } | undefined {
  const [start = '', ...place] = machine.split(' ')
  return place.length === 2 ? { place: place.join(' '), startedAt: Number(start) } : undefined
}
