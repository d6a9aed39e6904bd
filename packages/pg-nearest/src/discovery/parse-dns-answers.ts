import { isIP } from 'node:net'

/** One address of a name. */
export interface DnsAddress {
  readonly address: string
  readonly ttlMs: number
}

/** One target of a service. */
export interface DnsTarget {
  readonly host: string
  readonly port: number
}

/** More is no answer of anybody's database. */
const MOST = 256
/** The form of Fly's region codes. */
const REGION = /^[a-z]{3}$/
const HOST = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*$/i

/** The addresses in an answer that can be connected to, each once. */
export function addressesIn(records: unknown): readonly DnsAddress[] {
  const found = new Map<string, DnsAddress>()
  for (const record of listOf(records)) {
    const { address, ttl } = record as { address?: unknown; ttl?: unknown }
    if (typeof address !== 'string' || !isUsable(address)) continue
    found.set(address, { address, ttlMs: typeof ttl === 'number' && ttl > 0 ? ttl * 1_000 : 0 })
  }
  const addresses = [...found.values()]
  // Servers give them in another order each time, and the list would change with it.
  return addresses.length <= MOST
    ? addresses
    : addresses.toSorted((a, b) => (a.address < b.address ? -1 : 1)).slice(0, MOST)
}

/** `::` and `0.0.0.0` would lead to this machine, and what is of many machines to none. */
function isUsable(address: string): boolean {
  const version = isIP(address)
  if (version === 4) return !/^(?:0\.|22[4-9]\.|2[3-5]\d\.)/.test(address)
  return version === 6 && !/^(?:ff|::$|::ffff:0\.|::%)/i.test(address)
}

/**
 * The regions in `regions.<app>.internal`: texts that are cut anywhere, joined, and separated by commas.
 *
 * @returns `undefined` for an answer with anything else in it, for then nothing in it can be trusted
 */
export function regionsIn(records: unknown): readonly string[] | undefined {
  const [first, ...more] = listOf(records)
  if (!Array.isArray(first) || more.length > 0) return undefined
  const regions = first.map(String).join('').split(',')
  return regions.length <= MOST && regions.every((region) => REGION.test(region)) ? [...new Set(regions)] : undefined
}

/** Whether a host has the form of a name. */
export function isHostName(host: string): boolean {
  return HOST.test(host)
}

/** The targets of a service, by priority and name. */
export function targetsIn(records: unknown): readonly DnsTarget[] {
  const found = listOf(records).flatMap((record) => {
    const { name, port, priority } = record as { name?: unknown; port?: unknown; priority?: unknown }
    if (typeof name !== 'string' || !isHostName(name) || !isPort(port)) return []
    return [{ host: name.toLowerCase(), port, priority: Number(priority) || 0 }]
  })
  const order = found.toSorted((a, b) => a.priority - b.priority || a.host.localeCompare(b.host) || a.port - b.port)
  const once = new Map(order.map(({ host, port }) => [`${host}:${port}`, { host, port }]))
  return [...once.values()].slice(0, MOST)
}

function isPort(port: unknown): port is number {
  return typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535
}

function listOf(records: unknown): readonly object[] {
  return Array.isArray(records) ? records.filter((record) => typeof record === 'object' && record !== null) : []
}
