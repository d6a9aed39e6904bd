import type { ProblemEvent } from '../events/event-types.ts'
import { problemOf } from '../topology/server-problem.ts'
import type { Topology } from '../topology/topology.ts'

/** Reports each server's problem once, for as long as it stays the same. */
export function createProblemReporter(report: (problem: ProblemEvent) => void): (topology: Topology) => void {
  let reported: ReadonlyMap<string, string> = new Map()
  return (topology) => {
    const before = reported
    const problems = topology.servers.flatMap((server) => {
      const problem = problemOf(topology, server)
      return problem === undefined ? [] : [{ server: server.name, region: server.region, ...problem }]
    })
    reported = new Map(problems.map(({ server, message }) => [server, message]))
    for (const problem of problems) if (before.get(problem.server) !== problem.message) report(problem)
  }
}
