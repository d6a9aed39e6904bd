import type { ServerState, Topology } from './topology-types.ts'

export function byName(topology: Topology): Map<string, ServerState> {
  return new Map(topology.servers.map((server) => [server.name, server]))
}

/** Of two snapshots in which the servers stand alike, and so in the same order. */
export function changedIn(before: Topology, after: Topology): readonly ServerState[] {
  return after.servers.filter((server, i) => server !== before.servers[i])
}

/** Whether a server came, left, or has another role, health or timeline. */
export function isChanged(before: Topology, after: Topology): boolean {
  return (
    before.servers.length !== after.servers.length ||
    after.servers.some((server, i) => differs(server, before.servers[i]))
  )
}

function differs(a: ServerState, b: ServerState | undefined): boolean {
  return b === undefined || a.name !== b.name || a.role !== b.role || a.health !== b.health || a.timeline !== b.timeline
}

/** A server went down. */
export function isWorse(were: ReadonlyMap<string, ServerState>, after: Topology): boolean {
  return after.servers.some(({ name, health }) => health === 'down' && were.get(name)?.health !== 'down')
}
