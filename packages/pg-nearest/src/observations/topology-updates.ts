import { nextHealth, type Sign } from '../topology/health.ts'
import { normalizeInsertLsn } from '../topology/lsn.ts'
import { averageRtt, leastRtt } from './round-trip.ts'
import { writeOrder } from '../server-selection/server-selection.ts'
import { succeed } from '../topology/routing-relevant-state.ts'
import { extendTrail, type PrimaryTrail } from './staleness.ts'
import { lagOf } from './lag.ts'
import { factsBefore, updateMachines, type MemberMachine } from './update-members.ts'
import { observedPosition } from './observed-position.ts'
import { standbysAfter, wasInRecovery } from './recovery-evidence.ts'
import { wasBesidePrimary, withRivals } from './seen-beside-primary.ts'
import { earlierLack, walReceptionOf, type Lack } from './wal-reception.ts'
import type { Problem } from '../topology/problem.ts'
import type { Refusal } from '../topology/refused-function.ts'
import type { Server, ServerState, Topology } from '../topology/topology-types.ts'

/** A server's answer to a probe. */
export interface Observation {
  readonly role: 'primary' | 'replica'
  /** Tells one PostgreSQL instance from another, and from itself before a restart: a name may lead to several. */
  readonly machine: string | undefined
  /** When the connection was dialled on which it answered, by `performance.now()`. */
  readonly dialledAt: number
  /** A pooler stands in between. */
  readonly pooled: boolean
  readonly lsn: bigint | undefined
  /** See {@link ServerState.walEnd}. */
  readonly walEnd: bigint | undefined
  /** See {@link ServerState.receiving}. */
  readonly receiving: boolean | undefined
  readonly timeline: number | undefined
  /** It may follow a later one already. */
  readonly timelineIsLate: boolean
  readonly systemIdentifier: string | undefined
  readonly version: string | undefined
  /** What this role may not ask there. */
  readonly refused: readonly Refusal[]
  readonly pipelines: boolean
  /** `default_transaction_read_only` is on. */
  readonly readOnly: boolean
  /** The server's clock when it answered, in milliseconds since the epoch. */
  readonly clockMs: number | undefined
  readonly rttMs: number
  /** By `performance.now()`. */
  readonly sentAt: number
  readonly askedAt: number
  readonly answeredAt: number
}

/** A topology, and the primary's latest positions, from which staleness is computed. */
export interface Observed {
  readonly topology: Topology
  readonly trail: PrimaryTrail
}

export function initialTopology(
  servers: readonly Server[],
  now: number,
  options: Pick<Topology, 'cluster' | 'stalledAfterMs' | 'rivals'> = {},
): Observed {
  const { cluster, stalledAfterMs, rivals } = options
  const states = servers.map((server) => newState(server, now))
  return { topology: { servers: states, cluster, stalledAfterMs, rivals, asOf: now }, trail: [] }
}

/** What the list says of a server. */
function listed({ name, region, declared, candidate, weight = 1, labels = [], sslIsOverridden }: Server): Listing {
  return { name, region, declared, candidate, weight, labels, sslIsOverridden }
}

type Listing = Server & Pick<ServerState, 'weight' | 'labels'>

function newState(server: Server, now: number): ServerState {
  return {
    ...listed(server),
    role: 'unknown',
    health: 'connecting',
    since: now,
    failures: 0,
    readOnly: false,
    rttMs: undefined,
    leastRttMs: undefined,
    lsn: undefined,
    walEnd: undefined,
    receiving: undefined,
    lacksSince: undefined,
    timeline: undefined,
    timelineIsLate: false,
    systemIdentifier: undefined,
    seenInRecovery: false,
    standbys: [],
    seenBesidePrimary: false,
    version: undefined,
    positions: 'unknown',
    refused: [],
    lagBytes: undefined,
    stalenessMs: undefined,
    machine: undefined,
    members: [],
    pooled: false,
    stalledMs: undefined,
    pipelines: true,
    problem: undefined,
    problemCode: undefined,
    lastSeenAt: undefined,
  }
}

/**
 * The next snapshot after a server has answered a probe.
 *
 * @param machines - those that its name leads to, if there are several.
 */
export function withAnswer(
  before: Observed,
  name: string,
  seen: Observation,
  machines: readonly MemberMachine[] = [],
): Observed {
  const answered = replace(before.topology, name, seen.answeredAt, (state) => ({
    ...state,
    ...after(state, 'answered', seen.answeredAt),
    role: seen.role,
    failures: 0,
    readOnly: seen.role === 'primary' && seen.readOnly,
    rttMs: averageRtt(state.rttMs, seen.rttMs),
    leastRttMs: leastRtt(state.leastRttMs, seen.rttMs),
    lsn: seen.lsn,
    timeline: seen.timeline,
    timelineIsLate: seen.timelineIsLate,
    systemIdentifier: seen.systemIdentifier,
    seenInRecovery: wasInRecovery(state, seen, () => othersThan(before.topology, name)),
    standbys: standbysAfter(state, seen),
    seenBesidePrimary: wasBesidePrimary(before.topology, state, seen),
    version: seen.version,
    positions: observedPosition(seen) === undefined ? 'none' : 'full',
    refused: seen.refused,
    machine: seen.machine,
    pooled: seen.pooled,
    pipelines: seen.pipelines,
    problem: undefined,
    problemCode: undefined,
    lastSeenAt: seen.answeredAt,
  }))
  const primaryLsn = seen.role === 'primary' && seen.lsn !== undefined ? normalizeInsertLsn(seen.lsn) : undefined
  const trail =
    primaryLsn !== undefined && isWriter(answered, name)
      ? extendTrail(before.trail, { lsn: primaryLsn, at: seen.askedAt, cluster: seen.systemIdentifier })
      : before.trail
  const known = before.topology.servers.find((server) => server.name === name)
  const topology = replace(answered, name, seen.answeredAt, (state) => ({
    ...state,
    ...lagOf(trail, seen),
    ...walReceptionOf(answered, factsBefore(known ?? state, seen.machine), seen),
    members: updateMachines(answered, trail, known ?? state, machines, seen),
  }))
  return { topology: noteRivals(topology), trail }
}

function noteRivals(topology: Topology): Topology {
  const says = (server: ServerState): boolean => server.role === 'primary' && server.health === 'up'
  const declared = topology.servers.find((server) => server.declared === 'primary')
  const isRival = (server: ServerState): boolean => server !== declared && says(server) && !server.seenInRecovery
  if (declared === undefined || !says(declared) || !topology.servers.some(isRival)) return topology
  return withRivals(topology, declared, isRival)
}

/**
 * The next snapshot after a standby has answered behind a name that leads to the primary, too: what is known of the name is what the primary
 * has told.
 */
export function withStandbysAnswer(
  before: Observed,
  name: string,
  seen: Observation,
  machines: readonly MemberMachine[],
): Observed {
  const topology = replace(before.topology, name, seen.answeredAt, (state) => ({
    ...state,
    ...after(state, 'answered', seen.answeredAt),
    failures: 0,
    standbys: standbysAfter(state, seen),
    members: updateMachines(before.topology, before.trail, state, machines, seen),
    problem: undefined,
    problemCode: undefined,
  }))
  return { topology, trail: before.trail }
}

/** The next snapshot after a failure. */
export function withFailure(
  before: Observed,
  name: string,
  sign: Exclude<Sign, 'answered' | 'served' | 'removed'>,
  problem: Problem,
  now: number,
): Observed {
  const topology = replace(before.topology, name, now, (state) => ({
    ...state,
    ...after(state, sign, now),
    failures: sign === 'lost' ? state.failures : state.failures + 1,
    problem: problem.message,
    problemCode: problem.code,
  }))
  return { topology, trail: before.trail }
}

/** The next snapshot after a statement was answered. */
export function withService(before: Observed, name: string, now: number): Observed {
  const topology = replace(before.topology, name, now, (state) => ({ ...state, ...after(state, 'served', now) }))
  return { topology, trail: before.trail }
}

/**
 * The next snapshot with another list of servers. Servers that stay keep their state; removed ones are `leaving`, unless another
 * server has taken their name.
 *
 * @param isSame - whether the name belongs to the same server as before
 */
export function withServers(
  before: Observed,
  servers: readonly Server[],
  isSame: (name: string) => boolean,
  now: number,
): Observed {
  const known = new Map(before.topology.servers.map((state) => [state.name, state]))
  const next = servers.map((server) => {
    const state = isSame(server.name) ? known.get(server.name) : undefined
    if (state === undefined || state.health === 'leaving') return newState(server, now)
    return { ...state, ...listed(server) }
  })
  const names = new Set(servers.map(({ name }) => name))
  const leaving = before.topology.servers
    .filter(({ name }) => !names.has(name))
    .map((state) => Object.assign({}, state, after(state, 'removed', now)))
  // The former primary's positions prove nothing about what may be another cluster.
  const keepsPrimary = servers.some(({ name, declared }) => declared === 'primary' && known.has(name) && isSame(name))
  const trail = keepsPrimary ? before.trail : []
  return { topology: { ...before.topology, servers: [...next, ...leaving], asOf: now }, trail }
}

/** The next snapshot after a server that was leaving is gone. */
export function withoutServer(before: Observed, name: string, now: number): Observed {
  const servers = before.topology.servers.filter((state) => state.name !== name || state.health !== 'leaving')
  return { topology: { ...before.topology, servers, asOf: now }, trail: before.trail }
}

function after(state: ServerState, sign: Sign, now: number): Pick<ServerState, 'health' | 'since'> {
  const health = nextHealth(state.health, sign)
  return { health, since: health === state.health ? state.since : now }
}

/** The next snapshot after a server has answered only the first of several statements that were sent at once. */
export function withoutPipelines(before: Observed, name: string, now: number): Observed {
  const topology = replace(before.topology, name, now, (state) => ({ ...state, pipelines: false }))
  return { topology, trail: before.trail }
}

/** The next snapshot after another pool has told what it has seen of the machine to which this name leads. */
export function withLack(before: Observed, name: string, machine: string, lack: Lack): Observed {
  const topology = replace(before.topology, name, before.topology.asOf, (state) =>
    state.machine === machine ? { ...state, lacksSince: earlierLack(state, lack) } : state,
  )
  return { topology, trail: before.trail }
}

/** Only the positions of the server that takes the writes are recorded. */
function isWriter(topology: Topology, name: string): boolean {
  const [writer] = writeOrder(topology)
  return writer === undefined || writer.name === name
}

function othersThan({ servers }: Topology, name: string): readonly (string | undefined)[] {
  return servers.filter((server) => server.name !== name).map(({ machine }) => machine)
}

function replace(
  topology: Topology,
  name: string,
  asOf: number,
  change: (state: ServerState) => ServerState,
): Topology {
  const at = topology.servers.findIndex((state) => state.name === name)
  const state = topology.servers[at]
  if (state === undefined) return succeed(topology, { ...topology, asOf }, [])
  return succeed(topology, { ...topology, asOf, servers: topology.servers.with(at, change(state)) }, [at])
}
