import type { LinkConditions } from './link-conditions.ts'
import type { Impairment } from './impairment.ts'

/** Packets are transmitted one after the other, each for as long as its bytes take. All connections share the bandwidth. */
export function bandwidth(conditions: LinkConditions): Impairment {
  let freeAt = 0
  return {
    arrival({ bytes }, due) {
      if (conditions.bytesPerSecond === Number.POSITIVE_INFINITY) return due
      freeAt = Math.max(due, freeAt) + (bytes / conditions.bytesPerSecond) * 1_000
      return freeAt
    },
    restart() {
      freeAt = 0
    },
  }
}
