import { describeValue, isPlainObject } from '../error-messages/describe-value.ts'
import { OptionError } from '../errors.ts'
import type pg from 'pg'
import { checkOptionNames, ownOptions } from '../options/option-names.ts'
import { pgOptionChecks } from '../server-list/pg-option-checks.ts'
import type { NearestPoolOptions } from '../options/pool-options.ts'
import type { PgOptions, ServerEntry, ServerOptions } from '../server-list/server-list-types.ts'
import { parseServerList } from '../server-list/parse-server-list.ts'
import { serverClient } from '../pg-client/standby-aware-client.ts'
import { askInstances } from './ask-instances.ts'
import { clusterDomain, isAmazonHost, isReaderEndpoint } from './cluster-domain.ts'
import { entryWithHost } from '../server-list/entry-with-host.ts'
import { instanceList } from './instance-discovery.ts'

/** Options of {@link aurora}: its own, and those of `createPool` but `servers`. */
export interface AuroraOptions extends Omit<NearestPoolOptions, 'primary' | 'replicas' | 'servers'> {
  /**
   * The cluster's endpoint, as in `postgres://app:…@shop.cluster-abc123.us-east-1.rds.amazonaws.com/app`, or as an object with
   * `host`, `password: () => …` and the like. Each instance takes the rest from it. `region` is the default of `regionOf`.
   */
  readonly primary: ServerEntry
  /**
   * The host of an instance, or `host:port`. Default: `<instance>.abc123.us-east-1.rds.amazonaws.com`, from the name of the cluster's
   * endpoint. For names of your own, and for tunnels.
   */
  readonly endpoint?: ((instance: string) => string) | undefined
  /** The region, or availability zone, of an instance. Default: the AWS region in the name of the cluster's endpoint. */
  readonly regionOf?: ((instance: string) => string) | undefined
  /**
   * The password for a host, at each new connection: IAM makes a token for one host only. Default: what `primary` says, for all of them.
   * Bounds and errors are those of an entry's `password`.
   */
  readonly passwordOf?: ((host: string) => string | Promise<string>) | undefined
  /** Servers beside those of the cluster, such as the reader endpoints of a global database's other regions. */
  readonly replicas?: NearestPoolOptions['replicas']
}

const names: readonly string[] = [
  ...ownOptions.filter((name) => name !== 'servers'),
  'endpoint',
  'regionOf',
  'passwordOf',
]

/**
 * The instances of an Aurora PostgreSQL cluster as options for `createPool`: `aurora_replica_status()` is asked for them every
 * `serversIntervalMs`, and when a server goes down. The pool asks each instance whether it takes the writes.
 *
 * It was tried on stand-ins for Aurora's functions only, never on Aurora.
 *
 * - A question that fails, or an answer that names no writer, leaves the list as it is (the pool's `problem` says so). An instance that is
 *   not named any more stays for another minute.
 * - Aurora reports no position that proves what a reader shows, and `replica_lag_in_msec` is a measurement of some earlier time. So reads of
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
 * Cost: one connection for each answer, closed afterwards, of at most three seconds for each instance that is asked.
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
  const { endpoint, regionOf, passwordOf, ...rest }: AuroraOptions = options
  checkFunction('endpoint', endpoint)
  checkFunction('regionOf', regionOf)
  checkFunction('passwordOf', passwordOf)

  const pgOptions = pgOptionsOf(rest)
  const servers = parseServerList(rest.primary, rest.replicas, { pgOptions })
  const [first, second] = servers
  if (first === undefined) return rest
  if (second?.candidate === true) throw severalHosts()
  if (first.login.settings.stream !== undefined) throw ownStream()
  const { host } = first.address
  if (isReaderEndpoint(host)) throw readerEndpoint()
  const { region: _, ...given } = typeof rest.primary === 'string' ? { url: rest.primary } : rest.primary
  const withPassword = (entry: ServerOptions, at: string): ServerOptions =>
    passwordOf === undefined ? entry : { ...entry, password: () => passwordOf(at) }
  const cluster = withPassword(given, host)
  const domain = clusterDomain(host)
  const region = first.region ?? domain?.region
  const beginning = { ...rest, primary: { ...cluster, region } }
  const hostOf = endpoint ?? domain?.instanceHost
  if (hostOf === undefined) {
    if (isAmazonHost(host)) throw noInstanceHosts()
    return beginning
  }
  if (region === undefined && regionOf === undefined) throw noRegion()
  return {
    ...beginning,
    servers: instanceList({
      cluster,
      entryOf: (instance) =>
        // A token is for the instance's own host, whatever leads there.
        withPassword(entryWithHost(given, hostOf(instance)), domain?.instanceHost(instance) ?? hostOf(instance)),
      regionOf: (instance) => regionOf?.(instance) ?? region,
      replicas: rest.replicas ?? {},
      ask: (entry, signal) => askInstances(clientOf(entry, pgOptions), signal),
    }),
  }
}

function clientOf(entry: ServerOptions, pgOptions: PgOptions): pg.Client {
  const [server] = parseServerList(entry, undefined, { pgOptions })
  if (server === undefined) throw new Error('There is no server to ask')
  const login = (): typeof server.login => server.login
  const InstanceClient = serverClient({ server: server.address.label, login })
  return new InstanceClient({ application_name: 'pg-nearest aurora', ...pgOptions })
}

function pgOptionsOf(options: object): PgOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => Object.hasOwn(pgOptionChecks, name) && value !== undefined),
  )
}

function checkFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return
  throw new OptionError(name, `${name} must be a function, but it is ${describeValue(value)}.`)
}

function noInstanceHosts(): OptionError {
  return new OptionError(
    'primary',
    'The hosts of the instances do not follow from that of primary, which may be that of a proxy or of a global cluster. ' +
      "Give the cluster's endpoint (….cluster-….rds.amazonaws.com), or the option endpoint.",
  )
}

function readerEndpoint(): OptionError {
  return new OptionError(
    'primary',
    "primary has the cluster's reader endpoint, which does not lead to the writer. Take the -ro- out of its host: its readers are found.",
  )
}

function noRegion(): OptionError {
  return new OptionError(
    'regionOf',
    'The region of the instances does not follow from the host of primary. Give primary a region, or the option regionOf.',
  )
}

function severalHosts(): OptionError {
  return new OptionError(
    'primary',
    "primary has several hosts. Give the cluster's endpoint alone: its instances are found.",
  )
}

function ownStream(): OptionError {
  return new OptionError(
    'primary.stream',
    'primary.stream leads to one place, whatever the host of an instance is. Take it out.',
  )
}
