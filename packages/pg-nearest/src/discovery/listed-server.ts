import type { Server } from '../topology/topology.ts'
import type { ServerAddress } from './server-url.ts'

/** A server of the list, with the way to it. */
export interface ListedServer extends Server {
  readonly address: ServerAddress
}

/**
 * Gives each server its name: its region (`primary` for one without), then `ord#2`, `ord#3` in the order given. The same
 * list always gives the same names, wherever it came from.
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
