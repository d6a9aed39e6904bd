import type { ServerState, Topology } from './topology.ts'

/**
 * What is wrong with a server's place in the configuration, in a sentence; `undefined` if nothing is. A misplaced server
 * is never chosen.
 */
export function misplaced(topology: Topology, server: ServerState): string | undefined {
  const primary = topology.servers.find((other) => other.declared === 'primary')
  if (primary !== undefined && isOtherCluster(primary, server))
    return `${server.name} belongs to another cluster than ${primary.name}: check its URL.`
  if (server.role !== 'primary') return undefined
  const later = topology.servers.find((other) => isLater(other, server))
  if (later !== undefined) return stale(server, later)
  const same = primary !== server && primary?.role === 'primary' && primary.timeline === server.timeline
  const bothUp = server.health === 'up' && primary?.health === 'up'
  return same && bothUp ? `replicas.${server.name} is the primary itself: check its URL.` : undefined
}

/** Whoever has a later timeline knows of a promotion that this one does not know of. */
function isLater(other: ServerState, server: ServerState): boolean {
  const [its, ours] = [other.timeline, server.timeline]
  const told = other.health !== 'leaving' && its !== undefined && ours !== undefined
  return told && its > ours && !isOtherCluster(other, server)
}

function stale({ name, timeline }: ServerState, later: ServerState): string {
  const other =
    later.role === 'primary'
      ? `${later.name} was promoted after it`
      : `${later.name} follows one that was promoted after it`
  return `${name} says that it is the primary, but ${other} (timeline ${later.timeline}, not ${timeline}): nothing is sent there. Stop it, or make it a replica; if it is right, take ${later.name} out of the list.`
}

function isOtherCluster(primary: ServerState, server: ServerState): boolean {
  const [ours, its] = [primary.systemIdentifier, server.systemIdentifier]
  return ours !== undefined && its !== undefined && ours !== its
}
