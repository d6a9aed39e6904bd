import type { RouteReason } from '../events/served-by.ts'
import { isReplica, leastLoadedFirst, readOrder, writeOrder, type Chooser } from '../topology/selection.ts'
import type { Topology } from '../topology/topology.ts'

/** Try this server, for this reason. */
export interface Attempt {
  readonly server: string
  readonly reason: RouteReason
}

/** Where the caller wants a statement to run: wherever is best, on the primary, or on a region's replica. */
export type Target =
  | { readonly kind: 'nearest' }
  | { readonly kind: 'primary' }
  /** `region: undefined` means this process's own. */
  | { readonly kind: 'replica'; readonly region: string | undefined }

/** The servers to read from, in order. Never empty. */
export function planRead(topology: Topology, target: Target, chooser: Chooser): Attempt[] {
  switch (target.kind) {
    case 'nearest':
      return readOrder(topology, chooser).map(({ server, place }) => ({ server: server.name, reason: place }))
    case 'primary':
      return planPrimary(topology, 'asked')
    case 'replica':
      return planReplica(topology, target.region ?? chooser.region, chooser)
  }
}

/** The servers that may run what only a primary can, in order. Never empty. */
export function planPrimary(topology: Topology, reason: RouteReason): Attempt[] {
  return writeOrder(topology).map((server) => ({ server: server.name, reason }))
}

/** A region's replica; without one the primary; and if those fail, whoever is near. */
function planReplica(topology: Topology, region: string | undefined, chooser: Chooser): Attempt[] {
  const others = readOrder(topology, { ...chooser, region })
  const alive = others.map(({ server }) => server).filter((server) => server.health !== 'down')
  const asked = leastLoadedFirst(
    alive.filter((server) => region !== undefined && server.region === region && isReplica(server)),
    chooser,
  ).map((server): Attempt => ({ server: server.name, reason: 'asked' }))
  const configured = topology.servers.some((server) => server.declared === 'replica' && server.region === region)
  const instead = configured ? [] : planPrimary(topology, 'no-replica')
  const rest = others.map(({ server, place }): Attempt => ({ server: server.name, reason: place }))
  return firstOfEach([...asked, ...instead, ...rest])
}

function firstOfEach(attempts: readonly Attempt[]): Attempt[] {
  const seen = new Set<string>()
  return attempts.filter(({ server }) => !seen.has(server) && seen.add(server))
}
