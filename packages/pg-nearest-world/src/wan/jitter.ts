import type { LinkConditions } from './link-conditions.ts'
import type { Impairment } from './impairment.ts'

/** Uniformly distributed. Packets of a connection still arrive in order, as in TCP. */
export function jitter(conditions: LinkConditions, random: () => number): Impairment {
  return { arrival: (_packet, due) => due + conditions.jitterMs * random() }
}
