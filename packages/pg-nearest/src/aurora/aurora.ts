import { describeValue, isPlainObject } from '../error-messages/describe-value.ts'
import { parseServerList } from '../discovery/parse-server-list.ts'
import { joinUrl, splitUrl } from '../discovery/url-parts.ts'
import { OptionError } from '../errors.ts'
import { checkOptionNames, ownOptions } from '../options/option-names.ts'
import { pgOptionChecks } from '../options/pg-option-checks.ts'
import type { NearestPoolOptions, PgOptions, ServerOptions } from '../options/pool-options.ts'
import { askInstances } from './ask-instances.ts'
import { clusterDomain, isAmazonHost } from './cluster-domain.ts'
import { instanceList } from './instance-list.ts'

/** Options of {@link aurora}: its own, and those of `createPool` but `servers`. */
export interface AuroraOptions extends Omit<NearestPoolOptions, 'primary' | 'replicas' | 'servers'> {
  /**
   * The cluster's endpoint, as in `postgres://app:…@shop.cluster-abc123.us-east-1.rds.amazonaws.com/app`. The instances have the same user,
   * password, port, database and parameters. `region` is the default of `regionOf`.
   */
  readonly primary: string | ServerOptions
  /**
   * The host of an instance, or `host:port`. Default: `<instance>.abc123.us-east-1.rds.amazonaws.com`, from the name of the cluster's
   * endpoint. For names of your own, and for tunnels.
   */
  readonly endpoint?: ((instance: string) => string) | undefined
  /** The region, or availability zone, of an instance. Default: the AWS region in the name of the cluster's endpoint. */
  readonly regionOf?: ((instance: string) => string) | undefined
  /** Servers beside those of the cluster, such as the reader endpoints of a global database's other regions. */
  readonly replicas?: NearestPoolOptions['replicas']
}

const names: readonly string[] = [...ownOptions.filter((name) => name !== 'servers'), 'endpoint', 'regionOf']

/**
 * The instances of an Aurora PostgreSQL cluster as options for `createPool`: `aurora_replica_status()` is asked for them every
 * `serversIntervalMs`, and when a server goes down. Which of them takes the writes the pool asks each one by itself.
 *
 * It was tried on stand-ins for Aurora's functions only, never on Aurora.
 *
 * - An answer that cannot be had, or that names no writer, leaves the list as it is (the pool's `problem` says so). An instance that is
 *   not named any more stays for another minute.
 * - Aurora tells no position that proves what a reader shows, and `replica_lag_in_msec` is a measurement of some earlier time. So reads of
 *   a session that has written go to the writer, unless `assumeReplicatedAfterMs` says after which time every reader shows a write.
 * - A host outside of AWS, without `endpoint`, is one database and nothing else: for development and tests.
 *
 * @example
 * ```ts
 * import { createPool } from 'pg-nearest'
 * import { aurora } from 'pg-nearest/aurora'
 *
 * const pool = createPool(aurora({ primary: process.env.DATABASE_URL ?? 'postgres://localhost/app', assumeReplicatedAfterMs: 2_000 }))
 * ```
 *
 * Cost: one connection for each answer, closed behind it, of at most three seconds for each instance that is asked.
 *
 * @throws OptionError naming the option that cannot be used
 */
export function aurora(options: AuroraOptions): NearestPoolOptions {
  if (!isPlainObject(options)) {
    throw new OptionError(
      'options',
      `aurora() takes an object such as { primary: url }, but it got ${describeValue(options)}.`,
    )
  }
  if (Object.hasOwn(options, 'servers')) {
    throw new OptionError(
      'servers',
      'aurora() finds the servers by itself. Call createPool without aurora() to name them.',
    )
  }
  checkOptionNames(options, names)
  const { endpoint, regionOf, ...rest }: AuroraOptions = options
  checkFunction('endpoint', endpoint)
  checkFunction('regionOf', regionOf)

  const [primary] = parseServerList(rest.primary, rest.replicas)
  if (primary === undefined) return rest
  const { url, host } = primary.address
  const domain = clusterDomain(host)
  const region = primary.region ?? domain?.region
  const beginning = { ...rest, primary: { region, url } }
  const hostOf = endpoint ?? domain?.instanceHost
  if (hostOf === undefined) {
    if (isAmazonHost(host)) throw noInstanceHosts()
    return beginning
  }
  if (region === undefined && regionOf === undefined) throw noRegion()
  // These parameters override the URL's host and port, so replacing those would have no effect.
  if (/[?&](?:host|port)=/.test(url)) throw hostParameter()
  return {
    ...beginning,
    servers: instanceList({
      url,
      urlOf: (instance) => withHost(url, hostOf(instance)),
      regionOf: (instance) => regionOf?.(instance) ?? region,
      replicas: rest.replicas ?? {},
      ask: (at, signal) => askInstances(at, pgOptionsOf(rest), signal),
    }),
  }
}

function withHost(url: string, endpoint: string): string {
  const parts = splitUrl(url)
  const { host, port = parts?.port } = splitUrl(`postgres://${endpoint}`) ?? { host: endpoint }
  return parts === undefined ? url : joinUrl({ ...parts, host, port })
}

function pgOptionsOf(options: object): PgOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => Object.hasOwn(pgOptionChecks, name) && value !== undefined),
  )
}

function checkFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return
  throw new OptionError(name, `${name} must be a function of an instance's name, but it is ${describeValue(value)}.`)
}

function noInstanceHosts(): OptionError {
  return new OptionError(
    'primary',
    'The hosts of the instances do not follow from that of primary, which may be that of a proxy or of a global cluster. ' +
      "Give the cluster's endpoint (….cluster-….rds.amazonaws.com), or the option endpoint.",
  )
}

function noRegion(): OptionError {
  return new OptionError(
    'regionOf',
    'The region of the instances does not follow from the host of primary. Give primary a region, or the option regionOf.',
  )
}

function hostParameter(): OptionError {
  return new OptionError(
    'primary',
    'primary has its host or port as a parameter behind its "?". Write them where they belong: //user@host:port/database.',
  )
}
