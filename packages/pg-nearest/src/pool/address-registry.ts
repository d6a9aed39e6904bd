import type { ListedServer } from '../discovery/listed-server.ts'
import type { ServerAddress } from '../discovery/server-url.ts'

/** What may be told of an address: neither user nor password. */
export type PublicAddress = Pick<ServerAddress, 'host' | 'port' | 'database' | 'label'>

/** Beside the pools, so that printing one shows no host. */
const addresses = new WeakMap<object, Map<string, PublicAddress>>()

/** Takes the pool's list as it is now. */
export function noteAddresses(pool: object, servers: readonly ListedServer[]): void {
  const known = addresses.get(pool) ?? new Map<string, PublicAddress>()
  known.clear()
  for (const { name, address } of servers) {
    const { host, port, database, label } = address
    known.set(name, { host, port, database, label })
  }
  addresses.set(pool, known)
}

/** A pool's servers by name, as they are at any time; `undefined` for what `createPool` did not make. */
export function addressesOf(pool: object): ReadonlyMap<string, PublicAddress> | undefined {
  return addresses.get(pool)
}
