import { AsyncResource } from 'node:async_hooks'
import { observedPosition } from '../observations/observed-position.ts'
import type { Lack } from '../observations/wal-reception.ts'
import type { Observation } from '../observations/topology-updates.ts'
import type { KnownPositions } from '../positions/known-positions.ts'
import { joinMachine, type MachineMembership, type MachineRegistry } from '../positions/process-machine-listeners.ts'
import { isAhead, machineKey, readSighting, type Sighting, type Stage } from '../positions/sighting.ts'

export interface CrossPoolSharingOptions {
  readonly registry: MachineRegistry
  /** What this pool was told itself, which is raised by what others were told. */
  readonly positions: KnownPositions
  // The callbacks run while another pool takes its server's answer, so they must do little.
  /** Another pool has seen the machine promoted, or on a later timeline: the server itself must confirm it. */
  readonly onNews: (server: string) => void
  readonly onLack: (server: string, machine: string, lack: Lack) => void
}

/**
 * Exchanges what machines tell with the other pools of this process that list them, under whatever name. What belongs to the way there, or
 * to this pool's role, is never told: whether it can be reached and how far it is, what it refuses, its connections and sessions.
 */
export interface CrossPoolSharing {
  /** A server has answered a probe. Others hear of it before this returns, so that it must be called last. */
  heard(server: string, seen: Observation, lacksSince: number | undefined): void
  /** The name belongs to another server now, or to none. */
  leave(server: string): void
  stop(): void
}

/** One machine that this pool lists. */
interface Listed {
  readonly key: string
  readonly membership: MachineMembership
  /** What was told of it last, by whichever pool. */
  told: Sighting | undefined
  /** What made this pool ask last. */
  heeded: (Stage & { readonly at: number }) | undefined
}

/** How often a machine is told of, however many pools list it, while it is what it was. */
const TOLD_MS = 100
/** How often what others tell makes a pool ask: two that contradict each other must not keep each other busy. */
const HEEDED_MS = 100

export function createCrossPoolSharing({
  registry,
  positions,
  onNews,
  onLack,
}: CrossPoolSharingOptions): CrossPoolSharing {
  const listed = new Map<string, Listed>()

  const join = (server: string, machine: string, key: string): Listed => {
    const hear = (told: unknown): void => {
      const now = performance.now()
      const sighting = readSighting(told, now)
      const own = positions.at(server, machine)
      if (sighting === undefined || own?.timeline === undefined) return
      its.told = sighting
      positions.raise(server, machine, sighting)
      if (sighting.lacksSince !== undefined) onLack(server, machine, sighting)
      if (!isAhead(sighting, { standby: own.standby, timeline: own.timeline }) || !isNews(its.heeded, sighting, now))
        return
      its.heeded = { standby: sighting.standby, timeline: sighting.timeline, at: now }
      onNews(server)
    }
    // What this pool does for it belongs to this pool, and not to who has told it.
    const its: Listed = {
      key,
      membership: joinMachine(registry, key, AsyncResource.bind(hear)),
      told: undefined,
      heeded: undefined,
    }
    listed.set(server, its)
    return its
  }

  const leave = (server: string): void => {
    listed.get(server)?.membership.leave()
    listed.delete(server)
  }

  return {
    heard(server, seen, lacksSince) {
      const { machine } = seen
      const sighting = sightingOf(seen, lacksSince)
      const key = machineKey(seen.systemIdentifier, machine)
      const known = listed.get(server)
      if (known?.key !== key || sighting === undefined) leave(server)
      if (sighting === undefined || key === undefined || machine === undefined) return
      const its = listed.get(server) ?? join(server, machine, key)
      if (!isWorthTelling(its.told, sighting)) return
      its.told = sighting
      its.membership.tell(sighting)
    },
    leave,
    stop() {
      for (const server of listed.keys()) leave(server)
    },
  }
}

/** `undefined` unless all of it comes from one answer of a machine that is surely the one that it says it is. */
function sightingOf(seen: Observation, lacksSince: number | undefined): Sighting | undefined {
  const position = observedPosition(seen)
  // Behind a pooler each answer may be another machine's; a role that may not ask everything may not notice the pooler.
  if (position === undefined || seen.pooled || seen.refused.length > 0) return undefined
  const { timeline, lsn } = position
  return { standby: seen.role === 'replica', timeline, lsn, at: seen.sentAt, walEnd: seen.walEnd, lacksSince }
}

function isWorthTelling(told: Sighting | undefined, sighting: Sighting): boolean {
  if (told === undefined || isAhead(sighting, told) || sighting.at - told.at >= TOLD_MS) return true
  return (sighting.lacksSince ?? Infinity) < (told.lacksSince ?? Infinity)
}

function isNews(heeded: Listed['heeded'], { standby, timeline }: Stage, now: number): boolean {
  if (heeded === undefined) return true
  const isSame = heeded.standby === standby && heeded.timeline === timeline
  return !isSame && now - heeded.at >= HEEDED_MS
}
