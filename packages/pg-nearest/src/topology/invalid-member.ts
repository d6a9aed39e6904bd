import { isFollowed, isOtherCluster } from './cluster-identity.ts'
import { isUsable } from './health.ts'
import { isRival, undecided } from './why-no-writes.ts'
import type { RoutingState, RoutingStates } from './routing-relevant-state.ts'

/**
 * Explains why a server must not be used (another cluster, a primary that was replaced, the primary listed as a replica); `undefined`
 * if it may be.
 */
export function whyInvalid(topology: RoutingStates, server: RoutingState): string | undefined {
  const primary = topology.servers.find((other) => other.declared === 'primary')
  if (isOtherCluster(topology, server)) {
    const ours = topology.cluster === undefined ? primary?.name : `"cluster" (${topology.cluster})`
    return `${server.name} belongs to another cluster than ${ours}: check its URL.`
  }
  if (server.role !== 'primary') return undefined
  if (primary !== undefined && isRival(topology, server, primary)) return undecided(primary, server)
  const later = topology.servers.find((other) => isLater(topology, other, server))
  if (later !== undefined) return replacedBy(later, server)
  const same = primary !== server && primary?.role === 'primary' && primary.timeline === server.timeline
  const bothUp = server.health === 'up' && primary?.health === 'up'
  return same && bothUp ? `replicas.${server.name} is the primary itself: check its URL.` : undefined
}

/**
 * A server on a later timeline has seen a promotion that the other one has missed. A primary that nobody saw in recovery, and that nobody
 * follows, may be a restored backup instead.
 */
function isLater(topology: RoutingStates, other: RoutingState, server: RoutingState): boolean {
  const [its, ours] = [other.timeline, server.timeline]
  if (other.health === 'leaving' || its === undefined || ours === undefined || its <= ours) return false
  if (isOtherCluster(topology, other)) return false
  return other.role !== 'primary' || other.declared === 'primary' || other.seenInRecovery || isFollowed(topology, other)
}

function replacedBy(later: RoutingState, server: RoutingState): string {
  const { name, timeline } = server
  const other =
    later.role === 'primary'
      ? `${later.name} was promoted after it`
      : `${later.name} follows one that was promoted after it`
  if (!isUsable(server)) {
    return `${name} does not answer, and is the primary no more: ${other} (timeline ${later.timeline}, not ${timeline}). Let it come back as a replica, or take it out of the list.`
  }
  return `${name} says that it is the primary, but ${other} (timeline ${later.timeline}, not ${timeline}): nothing is sent there. Stop it, or make it a replica; if it is right, take ${later.name} out of the list.`
}
