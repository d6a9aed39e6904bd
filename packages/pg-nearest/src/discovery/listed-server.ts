import { inspect } from 'node:util'
import type pg from 'pg'
import type { Server } from '../topology/topology.ts'
import { sameServer, type ServerAddress } from './server-url.ts'

/** A password, or a function that is asked for it at each new connection. */
export type Password = string | (() => string | Promise<string>)

/** What connections to a server are made with. Secret. */
export interface ServerLogin {
  readonly address: ServerAddress
  /** Instead of the one in the address's URL. */
  readonly password: Password | undefined
  /** Options of `pg.Client` for this server alone. */
  readonly settings: pg.ClientConfig
  /** How many connections to it there may be; `undefined`: as many as to each server of the pool. */
  readonly max: number | undefined
}

/** A server of the list, with its address. */
export interface ListedServer extends Server {
  readonly address: ServerAddress
  /** Absent from `util.inspect`, from JSON and from copies. */
  readonly login: ServerLogin
}

/**
 * Names each server after its region (without one `primary` or `replica`); further servers of a region are `ord#2`, `ord#3` and so on, in
 * the given order. The same list always gives the same names.
 */
export function nameServers(servers: readonly Omit<ListedServer, 'name'>[]): readonly ListedServer[] {
  const taken = new Map<string, number>()
  return servers.map((server) => {
    const base = server.region ?? (server.candidate === true ? 'primary' : server.declared)
    const count = (taken.get(base) ?? 0) + 1
    taken.set(base, count)
    return seal({ name: count === 1 ? base : `${base}#${count}`, ...server })
  })
}

/** Different users count as different servers, because some hosted poolers choose the server by the user's name. */
export function isSameServer(a: ServerAddress | undefined, b: ServerAddress): boolean {
  return a !== undefined && sameServer(a, b) && a.user === b.user
}

function seal({ login, ...shown }: ListedServer): ListedServer {
  const server = Object.defineProperty({ ...shown, login }, 'login', { enumerable: false })
  // `showHidden` would list what is not enumerable.
  return Object.defineProperty(server, inspect.custom, { value: () => shown })
}
