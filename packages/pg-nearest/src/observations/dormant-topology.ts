import { initialTopology, type Observed } from './topology-updates.ts'
import type { ServerState, Topology } from '../topology/topology-types.ts'

/**
 * What is left of a snapshot when nobody asks the servers any more. Roles move, and servers are restored: what a server is and has is not
 * known any more, nor that it was promoted. What stays is what speaks against a server, what it can do, and how far away it is.
 */
export function dormantTopology(known: Topology, now: number): Observed {
  const listed = known.servers.filter(({ health }) => health !== 'leaving')
  const { topology, trail } = initialTopology(listed, now, known)
  const servers = topology.servers.map((fresh, i) => ({ ...fresh, ...lasting(listed[i]) }))
  return { topology: { ...topology, servers }, trail }
}

function lasting(known: ServerState | undefined): Partial<ServerState> {
  if (known === undefined) return {}
  const { systemIdentifier, seenBesidePrimary, positions, refused, pipelines, version } = known
  const { machine, pooled } = known
  const { rttMs, leastRttMs, lastSeenAt } = known
  return {
    systemIdentifier,
    seenBesidePrimary,
    positions,
    refused,
    pipelines,
    version,
    machine,
    pooled,
    rttMs,
    leastRttMs,
    lastSeenAt,
  }
}
