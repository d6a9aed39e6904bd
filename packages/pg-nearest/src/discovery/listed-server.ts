import { inspect } from 'node:util'
import type pg from 'pg'
import type { Server } from '../topology/topology-types.ts'
import { sameServer, type ServerAddress } from './parse-server-url.ts'

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
 * the given order. A server that was listed before keeps its name, wherever it stands now, so that nothing that runs there is cut; others
 * take the names that are free.
 */
export function nameServers(
  servers: readonly Omit<ListedServer, 'name'>[],
  before: readonly ListedServer[] = [],
): readonly ListedServer[] {
  const kept = servers.map((server) => {
    const known = before.find(({ address }) => isSameServer(address, server.address))
    return known !== undefined && isNamedAfter(known.name, baseOf(server)) ? known.name : undefined
  })
  const taken = new Set(kept)
  return servers.map((server, i) => {
    const name = kept[i] ?? freeName(baseOf(server), taken)
    taken.add(name)
    return seal({ name, ...server })
  })
}

function baseOf({ region, candidate, declared }: Omit<ListedServer, 'name'>): string {
  return region ?? (candidate === true ? 'primary' : declared)
}

function isNamedAfter(name: string, base: string): boolean {
  return name === base || name.startsWith(`${base}#`)
}

function freeName(base: string, taken: ReadonlySet<string | undefined>): string {
  for (let count = 1; ; count++) {
    const name = count === 1 ? base : `${base}#${count}`
    if (!taken.has(name)) return name
  }
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
