import type { Conditions } from './conditions.ts'
import type { Fault } from './fault.ts'

/** Half of the round trip in each direction, counted from the moment of leaving. */
export function latency(conditions: Conditions): Fault {
  return { arrival: (_parcel, due) => due + conditions.rttMs / 2 }
}
