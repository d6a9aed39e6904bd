import { clusterOf, isFollowed, isOtherCluster } from './cluster-identity.ts'
import { isUsable } from './health.ts'
import type { RoutingState, RoutingStates } from './routing-relevant-state.ts'

/**
 * Explains why a server that says it is the primary gets no writes; `undefined` if it gets them. The declared primary gets them unless
 * another server may have replaced it. A declared replica gets them only on evidence that it was promoted: it is of the declared primary's
 * cluster (or stands with it in one URL of several hosts), not on its timeline, and the declared primary takes none, or it was seen in
 * recovery, or another listed server follows it.
 */
export function whyNoWrites(topology: RoutingStates, server: RoutingState): string | undefined {
  if (server.role !== 'primary' || topology.servers.length === 1) return undefined
  const declared = topology.servers.find((other) => other.declared === 'primary')
  if (declared === undefined) return undefined
  if (server === declared) {
    const rival = topology.servers.find((other) => isRival(topology, other, declared))
    return rival && undecided(declared, rival)
  }
  if (server.seenInRecovery) return undefined
  if (mayTakeWrites(declared)) {
    if (isLaterTimeline(server, declared) && isFollowed(topology, server)) return undefined
    return isRival(topology, server, declared) ? undecided(declared, server) : unknownPromotion(topology, server)
  }
  if (isFollowed(topology, server) || isSuccessorByRole(topology, server, declared)) return undefined
  const cluster = clusterOf(topology)
  const belongs = cluster === undefined ? server.candidate === true : cluster === server.systemIdentifier
  const mayBePromoted = !server.seenBesidePrimary && !isOnTimelineOf(server, declared)
  return belongs && mayBePromoted ? undefined : unknownPromotion(topology, server)
}

/** Where no cluster is told: the declared primary itself says that it is a replica now, and nobody else says that it is the primary. */
function isSuccessorByRole(topology: RoutingStates, server: RoutingState, declared: RoutingState): boolean {
  const isTold = server.systemIdentifier !== undefined && declared.systemIdentifier !== undefined
  const others = topology.servers.filter((other) => other !== server && other.role === 'primary' && isUsable(other))
  return !isTold && declared.role === 'replica' && isUsable(declared) && others.length === 0
}

/** A later primary of the same cluster that nobody has seen being promoted: a restored backup, or a branch, looks the same. */
export function isRival(topology: RoutingStates, other: RoutingState, declared: RoutingState): boolean {
  if (other === declared || other.role !== 'primary' || !isUsable(other) || !mayTakeWrites(declared)) return false
  if (other.seenInRecovery || isOtherCluster(topology, other)) return false
  return isLaterTimeline(other, declared) && !isFollowed(topology, other)
}

/** A lost connection does not show that it is gone; and before it was heard, nobody else is its successor. */
function mayTakeWrites(declared: RoutingState): boolean {
  return isUsable(declared) && declared.role !== 'replica'
}

/** As far as is told: a promotion would have begun a later one. */
function isOnTimelineOf({ timeline }: RoutingState, declared: RoutingState): boolean {
  if (declared.role !== 'primary' || timeline === undefined || declared.timeline === undefined) return false
  return timeline <= declared.timeline
}

function isLaterTimeline({ timeline }: RoutingState, than: RoutingState): boolean {
  return timeline !== undefined && than.timeline !== undefined && timeline > than.timeline
}

export function undecided({ name, timeline }: RoutingState, rival: RoutingState): string {
  return `${name} (timeline ${timeline}) and ${rival.name} (timeline ${rival.timeline}) both say that they are the primary of one cluster, and nobody has seen ${rival.name} being promoted: nothing is written until one of them is taken out of the list. Is ${rival.name} a restored backup, or a branch?`
}

function unknownPromotion({ cluster, servers }: RoutingStates, server: RoutingState): string {
  const { name } = server
  const declared = servers.find((other) => other.declared === 'primary')?.name
  const says = isUsable(server) ? 'says' : 'does not answer; it said before'
  const byCluster =
    cluster === undefined
      ? ', or set the option "cluster" to what "select system_identifier from pg_control_system()" tells on any server of yours, a standby too'
      : ''
  return `${name} ${says} that it is the primary, and nothing shows to this process that it belongs to ${declared}'s cluster and was promoted there: nothing is written there, because a clone or a restored backup would look the same. If it was promoted, grant pg_monitor to the app's role there, so that a standby that follows it can show that${byCluster}, or make it "primary" in the list.`
}
