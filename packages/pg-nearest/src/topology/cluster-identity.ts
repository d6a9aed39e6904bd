import type { RoutingState, RoutingStates } from './routing-relevant-state.ts'

/** The option "cluster", else what the declared primary has told; `undefined` if it was never heard. */
export function clusterOf({ cluster, servers }: RoutingStates): string | undefined {
  return cluster ?? servers.find(({ declared }) => declared === 'primary')?.systemIdentifier
}

export function isOtherCluster(topology: RoutingStates, { systemIdentifier }: RoutingState): boolean {
  const cluster = clusterOf(topology)
  return cluster !== undefined && systemIdentifier !== undefined && cluster !== systemIdentifier
}

/** The one of a primary that was never promoted. */
const FIRST_TIMELINE = 1

/**
 * It was promoted, and another listed server replicates from it: there is a replica on its timeline or a later one, and no other primary
 * is known that this replica could come from.
 */
export function isFollowed(topology: RoutingStates, server: RoutingState): boolean {
  const { systemIdentifier, timeline } = server
  if (systemIdentifier === undefined || timeline === undefined || timeline === FIRST_TIMELINE) return false
  const others = topology.servers.filter(
    (other) =>
      other !== server &&
      other.health !== 'leaving' &&
      other.systemIdentifier === systemIdentifier &&
      (other.timeline ?? 0) >= timeline,
  )
  return others.length > 0 && others.every(({ role }) => role === 'replica')
}
