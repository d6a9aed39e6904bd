import type { Conditions } from './conditions.ts'
import type { Fault } from './fault.ts'

/** Evenly spread. What was sent earlier still arrives earlier, as it does in TCP. */
export function jitter(conditions: Conditions, random: () => number): Fault {
  return { arrival: (_parcel, due) => due + conditions.jitterMs * random() }
}
