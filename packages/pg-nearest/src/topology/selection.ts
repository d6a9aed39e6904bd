import { misplaced } from './misplaced.ts'
import type { ServerState, Topology } from './topology.ts'

/** Servers within this many milliseconds of the nearest count as equally near. MongoDB's drivers use the same. */
export const LATENCY_WINDOW_MS = 15

/** Where a server stands, seen from the reader. */
export type Place = 'own-region' | 'nearest' | 'no-replica'

export interface Choice {
  readonly server: ServerState
  readonly place: Place
}

export interface Chooser {
  /** Where the reader is; `undefined`: unknown, then only measured time counts. */
  readonly region: string | undefined
  /** Statements in flight on a server. */
  readonly load: (server: string) => number
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

/** A replica as far as anybody knows: by its own word, else by the configuration's. */
export function isReplica(server: ServerState): boolean {
  return server.role === 'replica' || (server.role === 'unknown' && server.declared === 'replica')
}

/**
 * All servers that may be read from, best first, in groups of equals: this region's replicas, this region's primary, then
 * the nearest by measured time (within the window replicas before the primary), then those that are down, so that the
 * last target is never banned.
 */
export function readTiers(topology: Topology, region: string | undefined): Choice[][] {
  const placed = topology.servers.filter((server) => misplaced(topology, server) === undefined)
  const alive = placed.filter((server) => server.health !== 'down')
  const own = alive.filter((server) => region !== undefined && server.region === region)
  const away = alive.filter((server) => !own.includes(server))
  const anyReplica = alive.some(isReplica)
  const near = (server: ServerState): Choice => ({ server, place: 'own-region' })
  const far = (server: ServerState): Choice => ({
    server,
    place: isReplica(server) || anyReplica ? 'nearest' : 'no-replica',
  })
  const tiers = [
    own.filter(isReplica).map(near),
    own.filter((server) => !isReplica(server)).map(near),
    ...byDistance(away).map((tier) => tier.map(far)),
    ...lastSeenFirst(placed.filter((server) => server.health === 'down')).map((server) => [far(server)]),
  ]
  return tiers.filter((tier) => tier.length > 0)
}

/**
 * The servers that may take a write, best first: whoever says primary and is up (the higher timeline, then the declared
 * one), else the declared primary, whatever is known of it.
 */
export function writeOrder(topology: Topology): readonly ServerState[] {
  let order = writeOrders.get(topology)
  if (order === undefined) writeOrders.set(topology, (order = orderForWrites(topology)))
  return order
}

/** A snapshot never changes, so neither does this. */
const writeOrders = new WeakMap<Topology, readonly ServerState[]>()

function orderForWrites(topology: Topology): readonly ServerState[] {
  const saying = topology.servers.filter(
    (server) => server.role === 'primary' && server.health === 'up' && misplaced(topology, server) === undefined,
  )
  const best = saying.toSorted((a, b) => (b.timeline ?? 0) - (a.timeline ?? 0))
  return best.length > 0 ? best : topology.servers.filter((server) => server.declared === 'primary')
}

function byDistance(servers: readonly ServerState[]): ServerState[][] {
  const measured = servers.filter((server) => server.rttMs !== undefined).toSorted((a, b) => rtt(a) - rtt(b))
  const edge = (measured[0] === undefined ? 0 : rtt(measured[0])) + LATENCY_WINDOW_MS
  const near = measured.filter((server) => rtt(server) <= edge)
  const unmeasured = servers.filter((server) => server.rttMs === undefined)
  return [
    near.filter(isReplica),
    near.filter((server) => !isReplica(server)),
    ...measured.filter((server) => rtt(server) > edge).map((server) => [server]),
    unmeasured.filter(isReplica),
    unmeasured.filter((server) => !isReplica(server)),
  ]
}

function rtt(server: ServerState): number {
  return server.rttMs ?? Number.POSITIVE_INFINITY
}

/**
 * The less loaded of two random ones leads (the power of two choices): near-even load without a herd running to the one
 * idle server.
 */
export function leastLoadedFirst<T extends { readonly server: string }>(
  tier: readonly T[],
  { load, random }: Chooser,
): readonly T[] {
  if (tier.length < 2) return tier
  const shuffled = shuffle(tier, random)
  const [first, second, ...rest] = shuffled
  if (first === undefined || second === undefined) return shuffled
  return load(second.server) < load(first.server) ? [second, first, ...rest] : shuffled
}

function shuffle<T>(tier: readonly T[], random: () => number): T[] {
  return tier
    .map((each) => ({ each, key: random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ each }) => each)
}

function lastSeenFirst(servers: readonly ServerState[]): ServerState[] {
  return servers.toSorted((a, b) => (b.lastSeenAt ?? 0) - (a.lastSeenAt ?? 0))
}
