import type { Clock } from './clock.ts'
import type { Conditions } from './conditions.ts'
import type { Fault, Parcel } from './fault.ts'

/** One direction between two regions: every lane of every connection shares its faults. */
export interface Direction {
  /** A lane keeps the order of what is sent through it. */
  lane(): Lane
  /** The conditions got better: what is held back sets out again now, and what is under way may be quicker. */
  resume(): void
}

export interface Lane {
  /** Runs `deliver` when a parcel of this size that leaves now has arrived. */
  send(bytes: number, deliver: () => void): void
  /** What has not arrived never will. */
  close(): void
  /** Bytes on their way. */
  readonly bytes: number
}

interface Traveller {
  parcel: Parcel
  due: number
  readonly deliver: () => void
}

export function createDirection(conditions: Conditions, faults: readonly Fault[], clock: Clock): Direction {
  const lanes = new Set<{ resume(): void }>()
  const arrivalOf = (parcel: Parcel): number => faults.reduce((due, fault) => fault.arrival(parcel, due), parcel.leftAt)

  const lane = (): Lane => {
    let travellers: Traveller[] = []
    let lastDue = 0
    let bytes = 0
    let closed = false

    const depart = (traveller: Traveller, atTheLatest: number): void => {
      traveller.due = Math.max(lastDue, Math.min(atTheLatest, arrivalOf(traveller.parcel)))
      if (traveller.due === Number.POSITIVE_INFINITY) return
      lastDue = traveller.due
      clock.at(traveller.due, arrive)
    }

    const arrive = (): void => {
      const now = clock.now()
      // What would have arrived during a partition is lost until it is sent again.
      while (travellers[0] !== undefined && travellers[0].due <= now && !conditions.partitioned) {
        const next = travellers.shift() as Traveller
        bytes -= next.parcel.bytes
        next.deliver()
      }
    }

    const resume = (): void => {
      const now = clock.now()
      lastDue = 0
      for (const traveller of travellers) {
        traveller.parcel = { ...traveller.parcel, leftAt: now }
        depart(traveller, traveller.due > now ? traveller.due : Number.POSITIVE_INFINITY)
      }
    }

    const self = { resume }
    lanes.add(self)
    return {
      send(size, deliver) {
        if (closed) return
        bytes += size
        const parcel = { bytes: size, leftAt: clock.now() }
        const traveller: Traveller = { parcel, due: Number.POSITIVE_INFINITY, deliver }
        travellers.push(traveller)
        depart(traveller, Number.POSITIVE_INFINITY)
      },
      close() {
        closed = true
        travellers = []
        lanes.delete(self)
      },
      get bytes() {
        return bytes
      },
    }
  }

  return {
    lane,
    resume() {
      for (const fault of faults) fault.restart?.()
      for (const each of lanes) each.resume()
    },
  }
}
