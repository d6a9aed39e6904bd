import { normalizeInsertLsn } from './position.ts'
import { averageRtt, leastRtt } from './round-trip.ts'
import { extendTrail, stalenessBound, type PrimaryTrail } from './staleness.ts'
import type { Server, ServerState, Topology } from './topology.ts'

/** What a server said of itself when it was asked. */
export interface Observation {
  readonly role: 'primary' | 'replica'
  readonly lsn: bigint | undefined
  readonly timeline: number | undefined
  readonly systemIdentifier: string | undefined
  readonly version: string | undefined
  readonly pipelines: boolean
  readonly rttMs: number
  /** By `performance.now()`, which no clock adjustment moves. */
  readonly sentAt: number
  readonly askedAt: number
  readonly answeredAt: number
}

/** A topology, and the primary's trail that staleness is read from. */
export interface Observed {
  readonly topology: Topology
  readonly trail: PrimaryTrail
}

export function initialTopology(servers: readonly Server[], now: number): Observed {
  const unknown = {
    role: 'unknown',
    health: 'connecting',
    rttMs: undefined,
    leastRttMs: undefined,
    lsn: undefined,
    timeline: undefined,
    systemIdentifier: undefined,
    version: undefined,
    lagBytes: undefined,
    stalenessMs: undefined,
    pipelines: true,
    problem: undefined,
    lastSeenAt: undefined,
  } as const
  const states = servers.map(({ name, region, declared }) => ({ name, region, declared, ...unknown }))
  return { topology: { servers: states, asOf: now }, trail: [] }
}

/** The next snapshot after a server answered. */
export function withAnswer(before: Observed, name: string, seen: Observation): Observed {
  const primaryLsn = seen.role === 'primary' && seen.lsn !== undefined ? normalizeInsertLsn(seen.lsn) : undefined
  const trail =
    primaryLsn === undefined || !isWriter(before.topology, name)
      ? before.trail
      : extendTrail(before.trail, { lsn: primaryLsn, at: seen.askedAt })
  const topology = replace(before.topology, name, seen.answeredAt, (state) => ({
    ...state,
    role: seen.role,
    health: 'up',
    rttMs: averageRtt(state.rttMs, seen.rttMs),
    leastRttMs: leastRtt(state.leastRttMs, seen.rttMs),
    lsn: seen.lsn,
    timeline: seen.timeline,
    systemIdentifier: seen.systemIdentifier,
    version: seen.version,
    pipelines: seen.pipelines,
    ...lag(trail, seen),
    problem: undefined,
    lastSeenAt: seen.answeredAt,
  }))
  return { topology, trail }
}

/** The next snapshot after a server did not answer, or refused a connection. */
export function withFailure(before: Observed, name: string, problem: string, now: number): Observed {
  const topology = replace(before.topology, name, now, (state) => ({ ...state, health: 'down', problem }))
  return { topology, trail: before.trail }
}

/** The next snapshot after a server left unanswered what was sent at once with something that it did answer. */
export function withoutPipelines(before: Observed, name: string, now: number): Observed {
  const topology = replace(before.topology, name, now, (state) => ({ ...state, pipelines: false }))
  return { topology, trail: before.trail }
}

/** The trail follows the declared primary, or whoever says primary while that one does not. */
function isWriter(topology: Topology, name: string): boolean {
  const declared = topology.servers.find((server) => server.declared === 'primary')
  return declared?.name === name || declared?.role === 'replica' || declared?.health === 'down'
}

function lag(trail: PrimaryTrail, seen: Observation): Pick<ServerState, 'lagBytes' | 'stalenessMs'> {
  if (seen.role === 'primary') return { lagBytes: 0, stalenessMs: 0 }
  const last = trail.at(-1)
  if (last === undefined || seen.lsn === undefined) return { lagBytes: undefined, stalenessMs: undefined }
  const behind = last.lsn - seen.lsn
  return {
    lagBytes: behind > 0n ? Number(behind) : 0,
    stalenessMs: stalenessBound(trail, seen.lsn, seen.answeredAt),
  }
}

function replace(
  topology: Topology,
  name: string,
  asOf: number,
  change: (state: ServerState) => ServerState,
): Topology {
  return { asOf, servers: topology.servers.map((state) => (state.name === name ? change(state) : state)) }
}
