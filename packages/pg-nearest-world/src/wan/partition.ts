import type { LinkConditions } from './link-conditions.ts'
import type { Impairment } from './impairment.ts'

/** Nothing arrives, and neither end notices. Once it heals everything arrives, because TCP retransmits. */
export function partition(conditions: LinkConditions): Impairment {
  return { arrival: (_packet, due) => (conditions.partitioned ? Number.POSITIVE_INFINITY : due) }
}
