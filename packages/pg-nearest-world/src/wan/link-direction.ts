import type { Scheduler } from './scheduler.ts'
import type { LinkConditions } from './link-conditions.ts'
import type { Impairment, Packet } from './impairment.ts'

/** One direction between two regions. All connections share its impairments. */
export interface Direction {
  /** One connection's packets in this direction: they arrive in the order of sending. */
  channel(): Channel
  /** The conditions got better: sends what is held back again, and lets what is on its way arrive sooner. */
  resume(): void
}

export interface Channel {
  /** Runs `deliver` when a packet of this size, sent now, has arrived. */
  send(bytes: number, deliver: () => void): void
  /** Drops everything that has not arrived. */
  close(): void
  /** Bytes that have been sent and have not arrived. */
  readonly bytes: number
}

interface Undelivered {
  packet: Packet
  due: number
  readonly deliver: () => void
}

export function createDirection(
  conditions: LinkConditions,
  impairments: readonly Impairment[],
  scheduler: Scheduler,
): Direction {
  const channels = new Set<{ resume(): void }>()
  const arrivalOf = (packet: Packet): number =>
    impairments.reduce((due, impairment) => impairment.arrival(packet, due), packet.sentAt)

  const channel = (): Channel => {
    let undelivered: Undelivered[] = []
    let lastDue = 0
    let bytes = 0
    let closed = false

    const schedule = (next: Undelivered, atTheLatest: number): void => {
      next.due = Math.max(lastDue, Math.min(atTheLatest, arrivalOf(next.packet)))
      if (next.due === Number.POSITIVE_INFINITY) return
      lastDue = next.due
      scheduler.at(next.due, arrive)
    }

    const arrive = (): void => {
      const now = scheduler.now()
      // A packet that falls due during a partition waits for resume().
      while (undelivered[0] !== undefined && undelivered[0].due <= now && !conditions.partitioned) {
        const next = undelivered.shift() as Undelivered
        bytes -= next.packet.bytes
        next.deliver()
      }
    }

    const resume = (): void => {
      const now = scheduler.now()
      lastDue = 0
      for (const next of undelivered) {
        next.packet = { ...next.packet, sentAt: now }
        schedule(next, next.due > now ? next.due : Number.POSITIVE_INFINITY)
      }
    }

    const self = { resume }
    channels.add(self)
    return {
      send(size, deliver) {
        if (closed) return
        bytes += size
        const packet = { bytes: size, sentAt: scheduler.now() }
        const next: Undelivered = { packet, due: Number.POSITIVE_INFINITY, deliver }
        undelivered.push(next)
        schedule(next, Number.POSITIVE_INFINITY)
      },
      close() {
        closed = true
        undelivered = []
        channels.delete(self)
      },
      get bytes() {
        return bytes
      },
    }
  }

  return {
    channel,
    resume() {
      for (const impairment of impairments) impairment.restart?.()
      for (const each of channels) each.resume()
    },
  }
}
