import type { ListedServer } from '../discovery/listed-server.ts'
import type { ServerAddress } from '../discovery/server-url.ts'

/** What may be told of an address: neither user nor password. */
export type PublicAddress = Pick<ServerAddress, 'host' | 'port' | 'database' | 'label'>

/** Beside the pools, so that printing one shows no host. */
const addresses = new WeakMap<object, ReadonlyMap<string, PublicAddress>>()

export function noteAddresses(pool: object, servers: readonly ListedServer[]): void {
  addresses.set(
    pool,
    new Map(
      servers.map(({ name, address: { host, port, database, label } }) => [name, { host, port, database, label }]),
    ),
  )
}

/** A pool's servers by name; `undefined` for what `createPool` did not make. */
export function addressesOf(pool: object): ReadonlyMap<string, PublicAddress> | undefined {
  return addresses.get(pool)
}
