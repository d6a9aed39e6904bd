import type { ServerState, Topology } from './topology.ts'

/**
 * What is wrong with a server's place in the configuration, in a sentence; `undefined` if nothing is. A misplaced server
 * is never chosen.
 */
export function misplaced(topology: Topology, server: ServerState): string | undefined {
  const primary = topology.servers.find((other) => other.declared === 'primary')
  if (primary === undefined || primary === server) return undefined
  if (isOtherCluster(primary, server))
    return `${server.name} belongs to another cluster than ${primary.name}: check its URL.`
  const bothPrimary = [primary, server].every(({ role, health }) => role === 'primary' && health === 'up')
  if (!bothPrimary) return undefined
  return primary.timeline === server.timeline
    ? `replicas.${server.name} is the primary itself: check its URL.`
    : `${server.name} says that it is the primary, and so does ${primary.name}: check which of them is right.`
}

function isOtherCluster(primary: ServerState, server: ServerState): boolean {
  const [ours, its] = [primary.systemIdentifier, server.systemIdentifier]
  return ours !== undefined && its !== undefined && ours !== its
}
