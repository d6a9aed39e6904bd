import { isPlainObject, describeValue } from '../error-messages/describe-value.ts'
import { createResolver, type DnsResolver } from '../discovery/dns-resolver.ts'
import { parseServerUrl, sameServer } from '../discovery/parse-server-url.ts'
import { splitHosts } from '../discovery/several-hosts.ts'
import type { Environment, ServerAddress } from '../discovery/parse-server-url.ts'
import { OptionError } from '../errors.ts'
import { checkOptionNames, ownOptions } from '../options/option-names.ts'
import type { NearestPoolOptions } from '../options/pool-options.ts'
import { currentRegion, regionFrom } from './current-region.ts'
import { discoverMachines } from './discover-machines.ts'
import { configuredRegions, regionsWithUrl, variableOf } from './configured-regions.ts'
import { databaseApp } from './replica-host.ts'
import { replicaUrl } from './replica-url.ts'

/** Options of {@link fly}: its own, and those of `createPool` that do not name servers. */
export interface FlyOptions extends Omit<NearestPoolOptions, 'region' | 'primary' | 'replicas'> {
  /** The variables to read. Default: `process.env`. */
  readonly env?: Environment | undefined
  /**
   * The regions that have a replica; the primary's may be among them. Default: the variable `REPLICA_REGIONS`, separated
   * by commas or white space; without it, the regions whose `DATABASE_URL_ORD` is set. Adding a region is one more entry here.
   */
  readonly regions?: readonly string[] | undefined
  /**
   * Finds the machines of the database's app in Fly's DNS (`regions.<app>.internal`, `<region>.<app>.internal`) and follows them as they
   * come, go and move: a new region needs no change here. What is listed otherwise counts until the first answer. It needs
   * `PRIMARY_REGION`, and a Fly host name in `DATABASE_URL`; where this process has no region, as in development, nothing is looked up.
   * `{ resolver }`: a `Resolver` of `node:dns/promises` to ask instead of the system's servers. Default false. Cost: one question for
   * each region and one more, each time that an answer expires, which is after five seconds.
   */
  readonly discover?: boolean | { readonly resolver: DnsResolver } | undefined
}

const taken: readonly string[] = ['region', 'primary', 'replicas']
const flyNames: readonly string[] = [
  ...ownOptions.filter((name) => !taken.includes(name)),
  'env',
  'regions',
  'discover',
]

/**
 * Turns the environment of an app on Fly into options for `createPool`.
 *
 * | variable | meaning |
 * | --- | --- |
 * | `DATABASE_URL` | the primary, used as it is; several hosts are taken apart, as `createPool` does |
 * | `PRIMARY_REGION` | where the primary stands |
 * | `FLY_REGION`, else `MY_REGION` | where this process runs |
 * | `POOL_SIZE` | `max`, unless that is set |
 * | `REPLICA_REGIONS` | the regions that have a replica, unless `regions` says so; without either, those of the next row |
 * | `DATABASE_URL_ORD` | the replica in `ord`; without it the URL follows from the first Fly host name in `DATABASE_URL` |
 *
 * On Fly Managed Postgres (`*.flympg.net`) `maxLifetimeSeconds` is 600 and `idleTimeoutMillis` 300,000 unless they are set, because its
 * proxy cuts connections after ten minutes.
 *
 * A region whose URL is not known is an error where this process has a region of its own. Elsewhere, as in development
 * and tests, it is left out: with `DATABASE_URL` alone this is one database and nothing else.
 *
 * @throws OptionError naming the variable or the option that cannot be used
 */
export function fly(options: FlyOptions = {}): NearestPoolOptions {
  return optionsFrom(options, 'leave out what is not known')
}

/**
 * The same for somebody who asks about the servers, wherever that is: a region whose URL is not known is an error.
 *
 * @param discover - default: as the app would have to, where a Fly host name and `PRIMARY_REGION` are set, and no replica
 * @throws OptionError as there
 */
export function flyServers(env: Environment, discover?: FlyOptions['discover']): NearestPoolOptions {
  const options = optionsFrom({ env, discover }, 'know every region')
  const url = env['DATABASE_URL'] ?? ''
  const isListed =
    discover !== undefined || configuredRegions(undefined, env) !== undefined || regionsWithUrl(env).length > 0
  if (isListed || regionFrom(env, 'PRIMARY_REGION') === undefined) return options
  return appIn(addressesIn(url, 'DATABASE_URL', env)) === undefined
    ? options
    : optionsFrom({ env, discover: true }, 'know every region')
}

function optionsFrom(
  options: FlyOptions,
  elsewhere: 'know every region' | 'leave out what is not known',
): NearestPoolOptions {
  if (!isPlainObject(options)) {
    throw new OptionError(
      'options',
      `fly() takes an object such as { regions: ['ord'] }, but it got ${describeValue(options)}.`,
    )
  }
  for (const name of taken) {
    if (!Object.hasOwn(options, name)) continue
    throw new OptionError(
      name,
      `fly() finds ${name} in the environment. Set the variable, or call createPool without fly().`,
    )
  }
  const { env = process.env, regions, discover, ...rest }: FlyOptions = options
  checkOptionNames(options, flyNames)

  const url = env['DATABASE_URL']
  if (url === undefined || url.trim() === '') {
    throw new OptionError(
      'DATABASE_URL',
      "DATABASE_URL is not set. Set it to the primary's URL; in development, to that of your database.",
    )
  }
  const primaries = addressesIn(url, 'DATABASE_URL', env)
  const primaryRegion = regionFrom(env, 'PRIMARY_REGION')
  const region = currentRegion(env)
  const listed =
    configuredRegions(regions, env) ?? regionsWithUrl(env).filter((code) => !isPrimarysOwn(env, code, primaries))
  const replicas = listed.flatMap((code): [string, string][] => {
    const own = ownUrl(env, code, primaries)
    if (own !== undefined) return [[code, own]]
    if (code === primaryRegion) return []
    const derived = derivedUrl(primaries, code)
    if (derived === undefined) {
      if (region !== undefined || elsewhere === 'know every region') throw unknownUrl(code, primaries)
      return []
    }
    const address = parseServerUrl(derived, variableOf(code), env)
    return primaries.some((primary) => sameServer(primary, address)) ? [] : [[code, derived]]
  })
  return {
    ...(primaries.some(isManaged) ? MANAGED : {}),
    ...poolSize(env),
    ...(region === undefined && elsewhere === 'leave out what is not known'
      ? {}
      : discovery(discover, primaries, primaryRegion)),
    ...rest,
    region,
    primary: { region: primaryRegion, url },
    replicas: Object.fromEntries(replicas),
  }
}

/**
 * The proxy of Fly Managed Postgres cuts connections after ten minutes.
 *
 * @see https://fly.io/docs/mpg/
 */
const MANAGED: Pick<NearestPoolOptions, 'maxLifetimeSeconds' | 'idleTimeoutMillis'> = {
  maxLifetimeSeconds: 600,
  idleTimeoutMillis: 300_000,
}

function isManaged({ host }: ServerAddress): boolean {
  return /\.flympg\.net\.?$/i.test(host)
}

/** The size of the pool, by the name that Ecto's and many others' configurations have for it. */
function poolSize(env: Environment): Pick<NearestPoolOptions, 'max'> {
  const text = env['POOL_SIZE']?.trim() ?? ''
  if (text === '') return {}
  if (/^[1-9]\d{0,4}$/.test(text)) return { max: Number(text) }
  throw new OptionError(
    'POOL_SIZE',
    'POOL_SIZE must be a whole number of at least 1, such as 10. Set it so, or unset it.',
  )
}

function discovery(
  discover: unknown,
  primaries: readonly ServerAddress[],
  primaryRegion: string | undefined,
): Pick<NearestPoolOptions, 'servers'> {
  if (discover === undefined || discover === false) return {}
  const found = appIn(primaries)
  if (found === undefined) {
    throw new OptionError(
      'discover',
      'discover needs a Fly host name in DATABASE_URL, such as my-db.internal, from which those of the machines follow. ' +
        'Take discover out, or list the regions.',
    )
  }
  if (primaryRegion === undefined) {
    throw new OptionError(
      'PRIMARY_REGION',
      'PRIMARY_REGION is not set, and discover needs it: it is primary_region in fly.toml.',
    )
  }
  const resolver = resolverOf(discover)
  return { servers: discoverMachines({ ...found, primaryRegion, resolver, random: Math.random }) }
}

function appIn(primaries: readonly ServerAddress[]): { readonly app: string; readonly url: string } | undefined {
  const [found] = primaries.flatMap(({ host, url }) => {
    const app = databaseApp(host)
    return app === undefined || url === undefined ? [] : [{ app, url }]
  })
  return found
}

function resolverOf(discover: unknown): DnsResolver {
  if (discover === true) return createResolver()
  const resolver: unknown = isPlainObject(discover) ? discover['resolver'] : undefined
  if (typeof resolver === 'object' && resolver !== null && 'resolveTxt' in resolver) return resolver as DnsResolver
  throw new OptionError(
    'discover',
    `discover must be true, or { resolver } with a Resolver of node:dns/promises, but it is ${describeValue(discover)}.`,
  )
}

function addressesIn(url: string, option: string, env: Environment): readonly ServerAddress[] {
  return splitHosts(url, option).map((each) => parseServerUrl(each, option, env))
}

function derivedUrl(primaries: readonly ServerAddress[], region: string): string | undefined {
  for (const { url } of primaries) {
    const derived = url === undefined ? undefined : replicaUrl(url, region)
    if (derived !== undefined) return derived
  }
  return undefined
}

/** The URL that the region's own variable holds; unset and empty are the same. */
function ownUrl(env: Environment, region: string, primaries: readonly ServerAddress[]): string | undefined {
  const variable = variableOf(region)
  const url = env[variable]
  if (url === undefined || url.trim() === '') return undefined
  if (!isPrimarysOwn(env, region, primaries)) return url
  throw new OptionError(
    variable,
    `${variable} is the primary's own URL. Set it to that of the replica in ${region}, or unset it.`,
  )
}

function isPrimarysOwn(env: Environment, region: string, primaries: readonly ServerAddress[]): boolean {
  const variable = variableOf(region)
  return addressesIn(env[variable] ?? '', variable, env).some((address) =>
    primaries.some((primary) => sameServer(address, primary) && address.user === primary.user),
  )
}

function unknownUrl(region: string, primaries: readonly ServerAddress[]): OptionError {
  const variable = variableOf(region)
  const why =
    appIn(primaries) === undefined
      ? `The URL of the replica in ${region} does not follow from the host in DATABASE_URL.`
      : `${region} is no region of Fly's, whose codes have three letters, such as ord, so no host is known there.`
  return new OptionError(
    variable,
    `${why} Set ${variable}, or PRIMARY_REGION=${region} if the primary is there, or take ${region} out of the list.`,
  )
}
