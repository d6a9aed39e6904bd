import type { Conditions } from './conditions.ts'
import type { Fault } from './fault.ts'

/** Nothing arrives, and nobody is told. After the healing it does: TCP sends again what was lost. */
export function partition(conditions: Conditions): Fault {
  return { arrival: (_parcel, due) => (conditions.partitioned ? Number.POSITIVE_INFINITY : due) }
}
