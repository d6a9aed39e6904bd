import { isUsable } from '../topology/health.ts'
import { whyInvalid } from '../topology/invalid-member.ts'
import { isStalled } from '../topology/stalled-wal-reception.ts'
import { whyNoWrites } from '../topology/why-no-writes.ts'
import { perRoutingStates, type RoutingState, type RoutingStates } from '../topology/routing-relevant-state.ts'
import type { ServerState, Topology } from '../topology/topology-types.ts'

/** Servers within this many milliseconds of the nearest count as equally near. MongoDB's drivers use the same. */
export const LATENCY_WINDOW_MS = 15

/** A server's place relative to the reader. */
export type Place = 'own-region' | 'nearest' | 'no-replica'

export interface Choice {
  readonly server: RoutingState
  readonly place: Place
}

export interface Chooser {
  /** The reader's region; `undefined`: unknown, so only measured time counts. */
  readonly region: string | undefined
  /** Statements in flight on a server. */
  readonly load: (server: string) => number
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

/** By its own report, or by the configuration until it has been asked. */
export function isReplica(server: RoutingState): boolean {
  return server.role === 'replica' || isUnheardReplica(server)
}

/**
 * All servers that may be read from, best first, in groups of equals: this region's replicas, this region's primary, then the nearest
 * by measured time (within the latency window replicas before the primary), then those of weight 0, then those that receive nothing any
 * more, and last those that are down, so that there is always a server to try.
 */
export function readTiers(topology: RoutingStates, region: string | undefined): Choice[][] {
  const valid = topology.servers.filter((server) => whyInvalid(topology, server) === undefined)
  const usable = valid.filter(isUsable)
  const stalled = usable.filter((server) => isStalled(topology, server))
  const flowing = usable.filter((server) => !isStalled(topology, server))
  const alive = flowing.filter(({ weight }) => weight > 0)
  const isOwn = (server: RoutingState): boolean => region !== undefined && server.region === region
  const own = alive.filter(isOwn)
  const away = alive.filter((server) => !isOwn(server))
  const anyReplica = alive.some(isReplica)
  const near = (server: RoutingState): Choice => ({ server, place: 'own-region' })
  const far = (server: RoutingState): Choice => ({
    server,
    place: isReplica(server) || anyReplica ? 'nearest' : 'no-replica',
  })
  const tiers: Choice[][] = [
    ...byDistance(own.filter(isReplica)).map((tier) => tier.map(near)),
    own.filter((server) => !isReplica(server)).map(near),
    ...byDistance(away).map((tier) => tier.map(far)),
    ...byDistance(flowing.filter(({ weight }) => weight === 0)).map((tier) => tier.map(far)),
    ...byDistance(stalled).map((tier) => tier.map(far)),
    ...lastSeenFirst(valid.filter((server) => server.health === 'down')).map((server) => [far(server)]),
  ]
  return tiers.filter((tier) => tier.length > 0)
}

/** Until it was asked, only the configuration says so. */
export function isUnheardReplica({ role, declared }: RoutingState): boolean {
  return role === 'unknown' && declared === 'replica'
}

/**
 * The servers that may take a write, best first: reachable servers that say they are the primary (the later timeline first, then
 * those that accept writes). If there are none: servers that last said so, and the configured primary until it has answered. Empty
 * if all servers are known to be replicas.
 */
export const writeOrder: (topology: RoutingStates) => readonly RoutingState[] = perRoutingStates(orderForWrites)

function orderForWrites(topology: RoutingStates): readonly RoutingState[] {
  const valid = topology.servers.filter(
    (server) =>
      server.health !== 'leaving' &&
      whyInvalid(topology, server) === undefined &&
      whyNoWrites(topology, server) === undefined,
  )
  const saying = valid.filter((server) => server.role === 'primary' && isUsable(server))
  // A single server gets the writes, whatever its role.
  const alone = topology.servers.filter(({ health }) => health !== 'leaving').length === 1
  const candidates = saying.length > 0 ? saying : alone ? valid : valid.filter(mayBePrimary)
  return candidates.toSorted(
    (a, b) =>
      (b.timeline ?? 0) - (a.timeline ?? 0) ||
      // Where no timeline is told, a promotion that was seen decides.
      Number(b.seenInRecovery) - Number(a.seenInRecovery) ||
      Number(a.readOnly) - Number(b.readOnly),
  )
}

function mayBePrimary({ role, declared }: RoutingState): boolean {
  return role === 'primary' || (role === 'unknown' && declared === 'primary')
}

/** The server that should take writes is down, or there is none. */
export function isWriterGone(topology: RoutingStates): boolean {
  const [first] = writeOrder(topology)
  return first === undefined || !isUsable(first)
}

/** The server that takes the writes, as it is now; `undefined` if none is known to. */
export function writerIn(topology: Topology): ServerState | undefined {
  const [first] = hasWriter(topology) ? writeOrder(topology) : []
  return first && topology.servers.find(({ name }) => name === first.name)
}

/** Some server is known to take writes. */
export function hasWriter(topology: RoutingStates): boolean {
  const [first] = writeOrder(topology)
  return first !== undefined && first.role === 'primary' && isUsable(first)
}

/** The nearest first. Within the latency window replicas come first, suspects last among them. */
function byDistance(servers: readonly RoutingState[]): RoutingState[][] {
  const measured = servers.filter((server) => server.rttMs !== undefined).toSorted((a, b) => rtt(a) - rtt(b))
  const edge = (measured[0] === undefined ? 0 : rtt(measured[0])) + LATENCY_WINDOW_MS
  const near = measured.filter((server) => rtt(server) <= edge)
  const unmeasured = servers.filter((server) => server.rttMs === undefined)
  return [
    ...suspectsLast(near.filter(isReplica)),
    near.filter((server) => !isReplica(server)),
    ...measured.filter((server) => rtt(server) > edge).map((server) => [server]),
    ...suspectsLast(unmeasured.filter(isReplica)),
    unmeasured.filter((server) => !isReplica(server)),
  ]
}

function suspectsLast(equals: readonly RoutingState[]): RoutingState[][] {
  const isSuspect = ({ health }: RoutingState): boolean => health === 'suspect'
  return [equals.filter((server) => !isSuspect(server)), equals.filter(isSuspect)]
}

function rtt(server: RoutingState): number {
  return server.rttMs ?? Number.POSITIVE_INFINITY
}

function lastSeenFirst(servers: readonly RoutingState[]): RoutingState[] {
  return servers.toSorted((a, b) => (b.lastSeenAt ?? 0) - (a.lastSeenAt ?? 0))
}
