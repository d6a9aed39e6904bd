import type { Server } from '../topology/topology.ts'
import type { ServerAddress } from './server-url.ts'

/** A server of the list, with its address. */
export interface ListedServer extends Server {
  readonly address: ServerAddress
}

/**
 * Names each server after its region (or `primary`, without a region); further servers of a region are `ord#2`, `ord#3` and so on, in
 * the given order. The same list always gives the same names.
 */
export function nameServers(servers: readonly Omit<ListedServer, 'name'>[]): readonly ListedServer[] {
  const taken = new Map<string, number>()
  return servers.map(({ region, declared, address }) => {
    const base = region ?? declared
    const count = (taken.get(base) ?? 0) + 1
    taken.set(base, count)
    return { name: count === 1 ? base : `${base}#${count}`, region, declared, address }
  })
}
