import type pg from 'pg'
import { isSameServer, nameServers, type ListedServer } from '../discovery/listed-server.ts'
import { parseRegion } from '../discovery/region-code.ts'
import type { Environment } from '../discovery/parse-server-url.ts'
import { isPlainObject, describeValue } from '../error-messages/describe-value.ts'
import { OptionError } from '../errors.ts'
import { parseServerEntry, type EntryServer } from './parse-server-entry.ts'

/** What else says how servers are reached. */
interface Surroundings {
  /** pg's options for all servers. */
  readonly pgOptions?: pg.PoolConfig
  readonly env?: Environment | undefined
  /** The list that it replaces. */
  readonly before?: readonly ListedServer[]
}

/**
 * Checks the options `primary` and `replicas`, and returns the servers: the primary first, then the replicas in their order. Takes
 * values of any type, so that callers without types get a helpful error too.
 *
 * @throws OptionError naming the entry that cannot be used
 */
export function parseServerList(
  primary: unknown,
  replicas: unknown,
  { pgOptions = {}, env, before }: Surroundings = {},
): readonly ListedServer[] {
  const first = primaryServers(primary, pgOptions, env)
  const servers = [...first, ...replicaServers(replicas, first[0], pgOptions, env)]
  for (const [index, entry] of servers.entries()) {
    const { address, login } = entry.server
    const earlier = servers.slice(0, index).find((other) => isSameServer(address, other.server.address))
    if (earlier !== undefined) throw repeated(entry, earlier)
    const { min = 0 } = pgOptions
    const { max = min } = login
    if (min > max) {
      throw new OptionError('min', `min is ${min}, which is more than the max of ${entry.option} (${max}). Lower min.`)
    }
  }
  return nameServers(
    servers.map(({ server }) => server),
    before,
  )
}

function repeated({ option, server }: EntryServer, { option: other, server: earlier }: EntryServer): OptionError {
  const bad = (message: string): OptionError => new OptionError(option, `${option} ${message}`)
  if (option === other) return bad('names one host twice. Take one of the two out.')
  if (server.declared === 'replica' && earlier.declared === 'primary') {
    return bad(
      "is the primary's own URL. Give the URL of a replica, or take the entry out: reads in a region " +
        'without a replica go to the nearest server.',
    )
  }
  const same = `is the same server as ${other}`
  if (server.region !== earlier.region) return bad(`${same}, in another region. Take one of the two out.`)
  return String(server.labels) !== String(earlier.labels) || server.weight !== earlier.weight
    ? bad(`${same}, with another weight or other labels. Put all of them into one entry.`)
    : bad(`${same}. Take one of the two out.`)
}

function primaryServers(
  primary: unknown,
  pgOptions: pg.PoolConfig,
  env: Environment | undefined,
): readonly EntryServer[] {
  if (primary === undefined || primary === null || primary === '') {
    const state = primary === '' ? 'empty' : 'missing'
    throw new OptionError(
      'primary',
      `primary is ${state}. Give the URL of the server that takes the writes. Is the environment variable that it comes from set?`,
    )
  }
  if (typeof primary !== 'string' && !isPlainObject(primary)) {
    throw new OptionError(
      'primary',
      Array.isArray(primary)
        ? 'primary is a list, but exactly one server takes the writes. Put the others in replicas.'
        : `primary must be a URL, or an object with url or host, but it is ${describeValue(primary)}.`,
    )
  }
  if (typeof primary === 'object' && Array.isArray(primary['url'])) {
    throw new OptionError(
      'primary.url',
      'primary.url is a list, but exactly one server takes the writes. Put the others in replicas.',
    )
  }
  const place = { option: 'primary', declared: 'primary', region: undefined, base: undefined, env, pgOptions } as const
  return parseServerEntry(primary, place)
}

function replicaServers(
  replicas: unknown,
  base: EntryServer | undefined,
  pgOptions: pg.PoolConfig,
  env: Environment | undefined,
): readonly EntryServer[] {
  if (replicas === undefined) return []
  if (!isPlainObject(replicas)) {
    throw new OptionError(
      'replicas',
      `replicas must be an object of region to URL, such as { ord: url }, but it is ${describeValue(replicas)}.`,
    )
  }
  const seen = new Set<string>()
  return Object.entries(replicas).flatMap(([key, value]) => {
    const region = parseRegion(key, 'replicas', 'A region in replicas')
    const option = `replicas.${key}`
    if (seen.has(region)) {
      throw new OptionError(
        option,
        `${option} names the region ${region} a second time. Put its URLs in one list: { ${region}: [first, second] }.`,
      )
    }
    seen.add(region)
    return entriesOf(value, option).flatMap(([path, entry]) =>
      parseServerEntry(entry, {
        option: path,
        declared: 'replica',
        region,
        base,
        env,
        pgOptions,
      }),
    )
  })
}

function entriesOf(value: unknown, option: string): readonly (readonly [path: string, entry: unknown])[] {
  if (!Array.isArray(value)) return [[option, value]]
  if (value.length === 0) {
    throw new OptionError(option, `${option} is an empty list. Give it a URL, or take the region out.`)
  }
  // A hole in the list is a missing URL too, and `map` would skip it.
  return Array.from(value, (entry: unknown, index) => [`${option}[${index}]`, entry])
}
