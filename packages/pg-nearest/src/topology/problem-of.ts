import { misplaced } from './misplaced.ts'
import type { ServerState, Topology } from './topology.ts'

/** What a person should do something about, in a sentence; `undefined` if all is well. */
export function problemOf(topology: Topology, server: ServerState): string | undefined {
  return misplaced(topology, server) ?? server.problem ?? (server.pipelines ? undefined : noPipelines(server))
}

function noPipelines({ name }: ServerState): string {
  return `${name} does not answer what is sent at once, as some poolers do not, so that transactions and sessions take more round trips there: set pipeline: false if that is to stay, and nothing is tried.`
}
