import type { Conditions } from './conditions.ts'
import type { Fault } from './fault.ts'

/** One parcel after the other, each as long as its bytes take. One of these is shared by a direction's connections. */
export function bandwidth(conditions: Conditions): Fault {
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
