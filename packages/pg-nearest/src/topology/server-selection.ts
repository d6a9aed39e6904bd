import { isUsable } from './health.ts'
import { whyInvalid } from './invalid-member.ts'
import { isStalled } from './stalled.ts'
import { whyNoWrites } from './writer-evidence.ts'
import type { ServerState, Topology } from './topology.ts'

/** Servers within this many milliseconds of the nearest count as equally near. MongoDB's drivers use the same. */
export const LATENCY_WINDOW_MS = 15

/** A server's place relative to the reader. */
export type Place = 'own-region' | 'nearest' | 'no-replica'

export interface Choice {
  readonly server: ServerState
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
export function isReplica(server: ServerState): boolean {
  return server.role === 'replica' || isUnheardReplica(server)
}

/**
 * All servers that may be read from, best first, in groups of equals: this region's replicas, this region's primary, then the nearest
 * by measured time (within the latency window replicas before the primary), then those of weight 0, then those that receive nothing any
 * more, and last those that are down, so that there is always a server to try.
 */
export function readTiers(topology: Topology, region: string | undefined): Choice[][] {
  const valid = topology.servers.filter((server) => whyInvalid(topology, server) === undefined)
  const usable = valid.filter(isUsable)
  const stalled = usable.filter((server) => isStalled(topology, server))
  const flowing = usable.filter((server) => !stalled.includes(server))
  const alive = flowing.filter(({ weight }) => weight > 0)
  const own = alive.filter((server) => region !== undefined && server.region === region)
  const away = alive.filter((server) => !own.includes(server))
  const anyReplica = alive.some(isReplica)
  const near = (server: ServerState): Choice => ({ server, place: 'own-region' })
  const far = (server: ServerState): Choice => ({
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
export function isUnheardReplica({ role, declared }: ServerState): boolean {
  return role === 'unknown' && declared === 'replica'
}

/**
 * The servers that may take a write, best first: reachable servers that say they are the primary (the later timeline first, then
 * those that accept writes). If there are none: servers that last said so, and the configured primary until it has answered. Empty
 * if all servers are known to be replicas.
 */
export function writeOrder(topology: Topology): readonly ServerState[] {
  let order = writeOrders.get(topology)
  if (order === undefined) writeOrders.set(topology, (order = orderForWrites(topology)))
  return order
}

/** Computed once for each snapshot, which is immutable. */
const writeOrders = new WeakMap<Topology, readonly ServerState[]>()

function orderForWrites(topology: Topology): readonly ServerState[] {
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

function mayBePrimary({ role, declared }: ServerState): boolean {
  return role === 'primary' || (role === 'unknown' && declared === 'primary')
}

/** The server that should take writes is down, or there is none. */
export function isWriterGone(topology: Topology): boolean {
  const [first] = writeOrder(topology)
  return first === undefined || !isUsable(first)
}

/** Some server is known to take writes. */
export function hasWriter(topology: Topology): boolean {
  const [first] = writeOrder(topology)
  return first !== undefined && first.role === 'primary' && isUsable(first)
}

/** The nearest first. Within the latency window replicas come first, suspects last among them. */
function byDistance(servers: readonly ServerState[]): ServerState[][] {
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

function suspectsLast(equals: readonly ServerState[]): ServerState[][] {
  const suspects = equals.filter(({ health }) => health === 'suspect')
  return [equals.filter((server) => !suspects.includes(server)), suspects]
}

function rtt(server: ServerState): number {
  return server.rttMs ?? Number.POSITIVE_INFINITY
}

/**
 * Shuffles by weight, and puts the less loaded of the first two first ("power of two choices"): nearly even load, without all clients
 * choosing the same idle server.
 */
export function leastLoadedFirst<T extends { readonly server: string }>(
  tier: readonly T[],
  weights: ReadonlyMap<string, number>,
  { load, random }: Chooser,
): readonly T[] {
  if (tier.length < 2) return tier
  // Servers of weight 0 have no equals but each other.
  const weightOf = ({ server }: T): number => weights.get(server) || 1
  const shuffled = shuffle(tier, weightOf, random)
  const [first, second, ...rest] = shuffled
  if (first === undefined || second === undefined) return shuffled
  const loadOf = (each: T): number => load(each.server) / weightOf(each)
  return loadOf(second) < loadOf(first) ? [second, first, ...rest] : shuffled
}

/** Each comes first as often as its weight says (Efraimidis and Spirakis). */
function shuffle<T>(tier: readonly T[], weightOf: (each: T) => number, random: () => number): T[] {
  return tier
    .map((each) => ({ each, key: -Math.log(1 - random()) / weightOf(each) }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ each }) => each)
}

function lastSeenFirst(servers: readonly ServerState[]): ServerState[] {
  return servers.toSorted((a, b) => (b.lastSeenAt ?? 0) - (a.lastSeenAt ?? 0))
}
