import type { Clock } from './clock.ts'
import type { Conditions } from './conditions.ts'
import type { Fault, Parcel } from './fault.ts'

/** One direction between two regions: every lane of every connection shares its faults. */
export interface Direction {
  /** A lane keeps the order of what is sent through it. */
  lane(): Lane
  /** The conditions got better: what was held back sets out again, now. */
  resume(): void
}

export interface Lane {
  /** Runs `deliver` when a parcel of this size that leaves at `leftAt` has arrived. */
  send(bytes: number, leftAt: number, deliver: () => void): void
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

    const depart = (traveller: Traveller): void => {
      traveller.due = Math.max(lastDue, arrivalOf(traveller.parcel))
      if (traveller.due === Number.POSITIVE_INFINITY) return
      lastDue = traveller.due
      clock.at(traveller.due, arrive)
    }

    const arrive = (): void => {
      const now = performance.now()
      // What was under way when the partition began is lost, too, until it is sent again.
      while (travellers[0] !== undefined && travellers[0].due <= now && !conditions.partitioned) {
        const next = travellers.shift() as Traveller
        bytes -= next.parcel.bytes
        next.deliver()
      }
    }

    const resume = (): void => {
      const now = performance.now()
      lastDue = 0
      for (const traveller of travellers) {
        traveller.parcel = { ...traveller.parcel, leftAt: Math.max(now, traveller.parcel.leftAt) }
        depart(traveller)
      }
    }

    const self = { resume }
    lanes.add(self)
    return {
      send(size, leftAt, deliver) {
        bytes += size
        const traveller: Traveller = { parcel: { bytes: size, leftAt }, due: Number.POSITIVE_INFINITY, deliver }
        travellers.push(traveller)
        depart(traveller)
      },
      close() {
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
      for (const each of lanes) each.resume()
    },
  }
}
