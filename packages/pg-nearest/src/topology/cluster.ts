import type { ServerState, Topology } from './topology.ts'

/** The option "cluster", else what the declared primary has told; `undefined` if it was never heard. */
export function clusterOf({ cluster, servers }: Topology): string | undefined {
  return cluster ?? servers.find(({ declared }) => declared === 'primary')?.systemIdentifier
}

export function isOtherCluster(topology: Topology, { systemIdentifier }: ServerState): boolean {
  const cluster = clusterOf(topology)
  return cluster !== undefined && systemIdentifier !== undefined && cluster !== systemIdentifier
}

/** Another listed server replicates from it, or from one that was promoted after it. */
export function isFollowed(topology: Topology, server: ServerState): boolean {
  const { systemIdentifier, timeline } = server
  return topology.servers.some(
    (other) =>
      other !== server &&
      other.role === 'replica' &&
      other.health !== 'leaving' &&
      systemIdentifier !== undefined &&
      other.systemIdentifier === systemIdentifier &&
      (timeline === undefined || (other.timeline ?? 0) >= timeline),
  )
}
