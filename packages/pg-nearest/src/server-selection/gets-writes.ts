import { isUnheardReplica } from './server-selection.ts'
import { perRoutingStates } from '../topology/routing-relevant-state.ts'
import type { Topology } from '../topology/topology-types.ts'
import { whyNoWrites } from '../topology/why-no-writes.ts'

/**
 * Whether what runs there may write, if the server lets it. Otherwise it runs READ ONLY, unless its connection proves to be a standby's:
 * the server is a primary that gets no writes, or a declared replica that was never heard, which may be one.
 */
export function getsWrites(topology: Topology, name: string): boolean {
  return writable(topology).has(name)
}

const writable = perRoutingStates((topology): ReadonlySet<string> => {
  const servers = topology.servers.filter(
    (server) => !isUnheardReplica(server) && whyNoWrites(topology, server) === undefined,
  )
  return new Set(servers.map(({ name }) => name))
})
