import { isSameMachine, isStartedSince } from '../observations/same-machine.ts'
import type { Observation } from '../observations/topology-updates.ts'
import type { Demotion } from '../server-watch/monitor-dependencies.ts'

type Said = Pick<Observation, 'role' | 'machine' | 'dialledAt' | 'pooled' | 'clockMs'>

/** What each server has said of its role, from which it follows which connections a demotion ends. */
export interface Demotions {
  heard(server: string, answer: Said): void
  of(server: string): Demotion
  forget(server: string): void
}

interface Heard extends Demotion {
  /** The primary's clock when it said so for the last time. */
  readonly clockMs: number | undefined
}

const UNHEARD: Heard = {
  primary: undefined,
  primaryAt: 0,
  clockMs: undefined,
  restartDialledAt: Number.POSITIVE_INFINITY,
}

export function createDemotions(): Demotions {
  const known = new Map<string, Heard>()
  const of = (server: string): Heard => known.get(server) ?? UNHEARD
  return {
    heard(server, { role, machine, dialledAt, pooled, clockMs }) {
      const before = of(server)
      // Behind a pooler neither the machine nor the order of dialling tells where a connection leads.
      const its = pooled ? undefined : machine
      if (role === 'primary') known.set(server, { ...UNHEARD, primary: its, primaryAt: performance.now(), clockMs })
      else if (isRestarted(before, its)) known.set(server, { ...before, restartDialledAt: dialledAt })
    },
    of,
    forget: (server) => void known.delete(server),
  }
}

/** It is the primary's machine, and that has ended since: no connection leads to it as it was. */
function isRestarted({ primary, clockMs }: Heard, machine: string | undefined): boolean {
  if (primary === undefined || machine === undefined || clockMs === undefined) return false
  // Containers on several hosts may tell the same address.
  return isSameMachine(primary, machine) && isStartedSince(machine, clockMs)
}
