import type { ListedServer } from '../discovery/listed-server.ts'
import type { ServerAddress } from '../discovery/parse-server-url.ts'

/** The parts of an address that may be published: neither user nor password. */
export type PublicAddress = Pick<ServerAddress, 'host' | 'port' | 'database' | 'label'>

type Addresses = WeakMap<object, Map<string, PublicAddress>>

/** Another number whenever the shape of what is shared changes. */
const KEY = Symbol.for('pg-nearest.addresses.1')

/** Kept outside of the pools, so that printing a pool shows no host; shared by all copies of this library in the process. */
const addresses = ((globalThis as { [KEY]?: Addresses })[KEY] ??= new WeakMap())

/** Records the pool's current list. */
export function notePublicAddresses(pool: object, servers: readonly ListedServer[]): void {
  const known = addresses.get(pool) ?? new Map<string, PublicAddress>()
  known.clear()
  for (const { name, address } of servers) {
    const { host, port, database, label } = address
    known.set(name, { host, port, database, label })
  }
  addresses.set(pool, known)
}

/** A pool's current servers by name; `undefined` if `createPool` did not make it. */
export function publicAddressesOf(pool: object): ReadonlyMap<string, PublicAddress> | undefined {
  return addresses.get(pool)
}
