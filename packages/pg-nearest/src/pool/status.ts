import { misplaced } from '../topology/misplaced.ts'
import { readOrder, type Chooser } from '../topology/selection.ts'
import type { ServerState, Topology } from '../topology/topology.ts'

export interface ServerStatus extends ServerState {
  /** A read from here would use this one now (or one as near). */
  readonly readFrom: boolean
}

/** What a pool knows of its servers, for people and dashboards. */
export interface Status {
  /** Where this process runs. */
  readonly region: string | undefined
  /** When the newest of these facts was learned, in milliseconds since the epoch. */
  readonly asOf: number
  /** The primary first, then the replicas in the order of the configuration. */
  readonly servers: readonly ServerStatus[]
  /** What is wrong, a sentence each. */
  readonly problems: readonly string[]
}

export function statusOf(topology: Topology, chooser: Chooser): Status {
  const [first] = readOrder(topology, { ...chooser, load: () => 0, random: () => 0 })
  const servers = topology.servers.map((server) => ({
    ...server,
    problem: misplaced(topology, server) ?? server.problem,
    readFrom: server.name === first?.server.name,
  }))
  const problems = servers.flatMap(({ problem }) => (problem === undefined ? [] : [problem]))
  return { region: chooser.region, asOf: topology.asOf, servers, problems }
}
