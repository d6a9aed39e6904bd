import type { Topology } from './topology-types.ts'

/** The steps of two clocks make them differ by less than this. */
const SAME_MS = 100

/** A snapshot for people: its times by the clock on the wall, of which the process's own is `aheadMs` ahead. */
export function inWallTime(topology: Topology, aheadMs: number): Topology {
  if (Math.abs(aheadMs) < SAME_MS) return topology
  const servers = topology.servers.map((server) => {
    const { since, lastSeenAt } = server
    return {
      ...server,
      since: since - aheadMs,
      lastSeenAt: lastSeenAt === undefined ? undefined : lastSeenAt - aheadMs,
    }
  })
  return { ...topology, servers, asOf: topology.asOf - aheadMs }
}
