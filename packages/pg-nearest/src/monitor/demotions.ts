import type { Observation } from '../observations/topology-updates.ts'
import type { Demotion } from '../server-watch/monitor-dependencies.ts'

type Said = Pick<Observation, 'role' | 'dialledAt' | 'pooled'>

/** What each server has said of its role, from which it follows which connections a demotion ends. */
export interface Demotions {
  heard(server: string, answer: Said): void
  of(server: string): Demotion
  forget(server: string): void
}

const UNHEARD: Demotion = { primaryAt: 0, standbyDialledAt: Number.POSITIVE_INFINITY }

export function createDemotions(): Demotions {
  const known = new Map<string, Demotion>()
  const of = (server: string): Demotion => known.get(server) ?? UNHEARD
  return {
    heard(server, { role, dialledAt, pooled }) {
      const next =
        role === 'primary'
          ? { ...UNHEARD, primaryAt: performance.now() }
          : // Behind a pooler the order of dialling tells nothing.
            { ...of(server), standbyDialledAt: pooled ? UNHEARD.standbyDialledAt : dialledAt }
      known.set(server, next)
    },
    of,
    forget: (server) => void known.delete(server),
  }
}
