import { OptionError } from '../errors.ts'
import { closestName } from '../error-messages/closest-name.ts'
import { isPlainObject, describeValue } from '../error-messages/describe-value.ts'
import { nameServers } from './listed-server.ts'
import type { ListedServer } from './listed-server.ts'
import { redactName } from '../error-messages/quote-unless-secret.ts'
import { parseRegion } from './parse-region.ts'
import { parseServerUrl, sameServer } from './server-url.ts'
import type { Environment, ServerAddress } from './server-url.ts'

interface Entry {
  readonly option: string
  readonly region: string | undefined
  readonly declared: 'primary' | 'replica'
  readonly address: ServerAddress
}

/**
 * Checks the options `primary` and `replicas`, and returns the servers: the primary first, then the replicas in their order. Takes
 * values of any type, so that callers without types get a helpful error too.
 *
 * @throws OptionError naming the entry that cannot be used
 */
export function parseServerList(primary: unknown, replicas: unknown, env?: Environment): readonly ListedServer[] {
  const entries = [primaryEntry(primary, env), ...replicaEntries(replicas, env)]
  for (const [index, entry] of entries.entries()) {
    const earlier = entries.slice(0, index).find((other) => sameEntry(entry.address, other.address))
    if (earlier !== undefined) throw repeated(entry, earlier)
  }
  return nameServers(entries)
}

/** Different users count as different servers, because some hosted poolers choose the server by the user's name. */
function sameEntry(a: ServerAddress, b: ServerAddress): boolean {
  return sameServer(a, b) && a.user === b.user
}

function repeated({ option }: Entry, earlier: Entry): OptionError {
  return new OptionError(
    option,
    earlier.declared === 'primary'
      ? `${option} is the primary's own URL. Give the URL of a replica, or take the entry out: reads in a region ` +
          'without a replica go to the nearest server.'
      : `${option} is the same server as ${earlier.option}. Take one of the two out.`,
  )
}

function primaryEntry(primary: unknown, env: Environment | undefined): Entry {
  if (primary === undefined || primary === null || primary === '') {
    const state = primary === '' ? 'empty' : 'missing'
    throw new OptionError(
      'primary',
      `primary is ${state}. Give the URL of the server that takes the writes. Is the environment variable that it comes from set?`,
    )
  }
  if (typeof primary === 'string') {
    return {
      option: 'primary',
      region: undefined,
      declared: 'primary',
      address: parseServerUrl(primary, 'primary', env),
    }
  }
  if (!isPlainObject(primary)) {
    throw new OptionError(
      'primary',
      Array.isArray(primary)
        ? 'primary is a list, but exactly one server takes the writes. Put the others in replicas.'
        : `primary must be a URL, or an object with region and url, but it is ${describeValue(primary)}.`,
    )
  }
  for (const key of Object.keys(primary)) {
    if (key === 'region' || key === 'url') continue
    const closest = closestName(key, ['region', 'url'])
    throw new OptionError(
      'primary',
      `primary has no option ${redactName(key)}. ${closest === undefined ? 'It takes region and url.' : `Did you mean ${closest}?`}`,
    )
  }
  if (Array.isArray(primary['url'])) {
    throw new OptionError(
      'primary.url',
      'primary.url is a list, but exactly one server takes the writes. Put the others in replicas.',
    )
  }
  return {
    option: 'primary.url',
    region: primary['region'] === undefined ? undefined : parseRegion(primary['region'], 'primary.region'),
    declared: 'primary',
    address: parseServerUrl(primary['url'], 'primary.url', env),
  }
}

function replicaEntries(replicas: unknown, env: Environment | undefined): readonly Entry[] {
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
    return urlsOf(value, option).map(([path, url]): Entry => ({
      option: path,
      region,
      declared: 'replica',
      address: parseServerUrl(url, path, env),
    }))
  })
}

function urlsOf(value: unknown, option: string): readonly (readonly [path: string, url: unknown])[] {
  if (!Array.isArray(value)) return [[option, value]]
  if (value.length === 0) {
    throw new OptionError(option, `${option} is an empty list. Give it a URL, or take the region out.`)
  }
  // A hole in the list is a missing URL too, and `map` would skip it.
  return Array.from(value, (url: unknown, index) => [`${option}[${index}]`, url])
}
