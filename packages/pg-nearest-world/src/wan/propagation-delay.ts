import type { LinkConditions } from './link-conditions.ts'
import type { Impairment } from './impairment.ts'

/** Half of the round trip in each direction, counted from the moment of sending. */
export function propagationDelay(conditions: LinkConditions): Impairment {
  return { arrival: (_packet, due) => due + conditions.rttMs / 2 }
}
