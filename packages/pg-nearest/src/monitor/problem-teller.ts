import type { ProblemEvent } from '../events/events.ts'
import { problemOf } from '../topology/problem-of.ts'
import type { Topology } from '../topology/topology.ts'

/** Tells each server's problem once, for as long as it stays the same. */
export function createProblemTeller(tell: (problem: ProblemEvent) => void): (topology: Topology) => void {
  const told = new Map<string, string>()
  return (topology) => {
    for (const server of topology.servers) {
      const message = problemOf(topology, server)
      const news = message !== told.get(server.name)
      if (message === undefined) told.delete(server.name)
      else told.set(server.name, message)
      if (news && message !== undefined) tell({ server: server.name, region: server.region, message })
    }
  }
}
