import type { ProblemEvent } from '../events/event-types.ts'
import { serverProblem } from '../failures/server-problem.ts'
import type { ServerState, Topology } from '../topology/topology-types.ts'

/**
 * Reports each server's problem once, for as long as it stays the same.
 *
 * @param changed - the servers of the topology whose problems may be others than before.
 */
type ReportProblems = (topology: Topology, changed: readonly ServerState[]) => void

export function createProblemReporter(report: (problem: ProblemEvent) => void): ReportProblems {
  const reported = new Map<string, string>()
  return (topology, changed) => {
    const news: ProblemEvent[] = []
    if (changed === topology.servers) forgetOthers(reported, topology)
    for (const server of changed) {
      const { code, message } = serverProblem(topology, server) ?? {}
      if (code === undefined || message === undefined) reported.delete(server.name)
      else if (reported.get(server.name) !== message) {
        reported.set(server.name, message)
        news.push({ server: server.name, region: server.region, code, message })
      }
    }
    for (const problem of news) report(problem)
  }
}

function forgetOthers(reported: Map<string, string>, { servers }: Topology): void {
  const names = new Set(servers.map(({ name }) => name))
  for (const name of reported.keys()) if (!names.has(name)) reported.delete(name)
}
