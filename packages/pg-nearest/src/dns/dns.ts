import { resolveAddresses, createResolver, type AddressFamily, type DnsResolver } from '../discovery/dns-resolver.ts'
import { targetsIn, type DnsTarget } from '../discovery/parse-dns-answers.ts'
import { afterAnswer, type ResolvedAddresses } from '../discovery/resolved-addresses.ts'
import { parseRegion } from '../discovery/region-code.ts'
import { refreshInterval } from '../discovery/dns-refresh-interval.ts'
import { describeValue, isPlainObject } from '../error-messages/describe-value.ts'
import { checkNames } from '../error-messages/unknown-name.ts'
import { OptionError } from '../errors.ts'
import { entryWithHost } from '../server-list/entry-with-host.ts'
import type { ServerOptions, ServerSource } from '../server-list/server-list-types.ts'

/** Options of {@link dns}. */
export interface DnsOptions {
  /** Region to the name of its replicas. Default: those that `createPool` was given. */
  readonly replicas?: Readonly<Record<string, string>> | undefined
  /** Addresses of IPv4 or IPv6 only. Default: those of IPv4, and those of IPv6 of a name that has no others. */
  readonly family?: 4 | 6 | undefined
  /** A `Resolver` of `node:dns/promises`. Default: one that asks the servers of the system's configuration, but does not read `/etc/hosts`. */
  readonly resolver?: DnsResolver | undefined
}

/**
 * Lists a server for each address that a name has, as `servers` of `createPool`, and follows them as they change: looked up again when the
 * answers expire, within a second and five minutes. One of the servers behind the first name takes the writes, and each is asked whether
 * it does. Everything but the address is as `primary` says; a certificate is checked for the name. A name that begins with `_`
 * (`_postgresql._tcp.db.example.com`) is that of a service: its SRV records name the hosts and their ports.
 *
 * An answer that is empty or cannot be had leaves the list as it is (the pool's `problem` says so), and an address is gone when two answers
 * lack it.
 *
 * @example
 * ```ts
 * import { createPool } from 'pg-nearest'
 * import { dns } from 'pg-nearest/dns'
 *
 * const pool = createPool({
 *   primary: { region: 'nrt', url: process.env.DATABASE_URL ?? 'postgres://localhost/app' },
 *   servers: dns('db.example.com', { replicas: { ord: 'ord.db.example.com' } }),
 * })
 * ```
 *
 * @throws OptionError for a name or a region that cannot be used
 */
export function dns(name: string, options: DnsOptions = {}): ServerSource {
  const { replicas = {}, family, resolver = createResolver() } = checked(name, options)
  const regions = Object.entries(replicas).map(([region, own]) => [parseRegion(region, 'replicas'), own] as const)
  const names = [...new Set([name, ...regions.map(([, own]) => own)])]
  let known: ResolvedAddresses = new Map()
  const heldForMs = new Map<string, number>()

  return async (given) => {
    const template = typeof given.primary === 'string' ? { url: given.primary } : given.primary
    const placesOf = (each: string): Place[] =>
      [...(known.get(each)?.keys() ?? [])].map((text) => JSON.parse(text) as Place)
    const answers = await Promise.all(names.map((each) => lookUp(resolver, each, family, placesOf(each))))
    const ttlsMs = names.map((each, i) => {
      const told = answers[i]?.ttlsMs ?? []
      if (told.length > 0) heldForMs.set(each, Math.min(...told))
      const heldMs = heldForMs.get(each)
      if (heldMs === undefined) return UNKNOWN_MS
      return told.length > 0 ? heldMs : Math.min(heldMs, UNANSWERED_MS)
    })
    known = afterAnswer(known, new Map(names.map((each, i) => [each, answers[i]?.places])))
    const entryOf = (each: string): ServerOptions | undefined => {
      const places = placesOf(each)
      if (places.length === 0) return undefined
      const host = places.map((place) => (place.port === undefined ? place.host : `${place.host}:${place.port}`))
      const { region: _, ...entry } = entryWithHost(template, host.join(','))
      return { ...entry, hostaddr: places.map(({ address }) => address).join(',') }
    }
    const primary = entryOf(name)
    if (primary === undefined) throw new Error(`${name} has no address`)
    const found = regions.flatMap(([region, own]) => {
      const entry = entryOf(own)
      return entry === undefined ? [] : [[region, entry] as const]
    })
    return {
      primary: { ...primary, region: template.region },
      replicas: Object.hasOwn(options, 'replicas') ? Object.fromEntries(found) : given.replicas,
      serversIntervalMs: refreshInterval(ttlsMs, Math.random()),
    }
  }
}

/** A name that could not be looked up, or has no address, is looked up again this soon at the latest. */
const UNANSWERED_MS = 5_000
/** The same of one that never had any. */
const UNKNOWN_MS = 30_000

/** Where a server is: its name, its port if the answer says so, and its address. */
interface Place extends Omit<DnsTarget, 'port'> {
  readonly port: number | undefined
  readonly address: string
}

interface Found {
  readonly places: readonly string[]
  readonly ttlsMs: readonly number[]
}

async function lookUp(
  resolver: DnsResolver,
  name: string,
  family: AddressFamily,
  before: readonly Place[],
): Promise<Found | undefined> {
  const targets = name.startsWith('_') ? await targetsOf(resolver, name) : [{ host: name, port: undefined }]
  const known = before.map(({ address }) => address)
  const found = await Promise.all(targets.map(async ({ host }) => resolveAddresses(resolver, host, family, known)))
  // Half of an answer would take the other half's servers away.
  if (targets.length === 0 || found.some((addresses) => addresses === undefined)) return undefined
  const places = targets.flatMap(({ host, port }, i) =>
    (found[i] ?? []).map(({ address }) => JSON.stringify({ host, port, address } satisfies Place)),
  )
  return { places, ttlsMs: found.flatMap((addresses) => (addresses ?? []).map(({ ttlMs }) => ttlMs)) }
}

async function targetsOf(resolver: DnsResolver, name: string): Promise<readonly DnsTarget[]> {
  try {
    return targetsIn(await resolver.resolveSrv(name))
  } catch {
    return []
  }
}

const NAME = /^(?=.{1,253}\.?$)[a-z0-9_][a-z0-9_-]{0,62}(?:\.[a-z0-9_][a-z0-9_-]{0,62})*\.?$/i

function checked(name: unknown, options: unknown): DnsOptions {
  const bad = (option: string, value: unknown): never => {
    throw new OptionError(
      option,
      `${option} of dns() must be a name such as db.example.com, without scheme or port, but it is ${typeof value === 'string' ? 'a text that is none' : describeValue(value)}.`,
    )
  }
  if (typeof name !== 'string' || !NAME.test(name)) return bad('name', name)
  if (!isPlainObject(options)) {
    throw new OptionError('options', `dns() takes options such as { family: 4 }, but it got ${describeValue(options)}.`)
  }
  checkNames(options, ['replicas', 'family', 'resolver'])
  const { replicas = {}, family } = options
  if (!isPlainObject(replicas)) return bad('replicas', replicas)
  for (const [region, own] of Object.entries(replicas)) {
    if (typeof own !== 'string' || !NAME.test(own)) bad(`replicas.${region}`, own)
  }
  if (family !== undefined && family !== 4 && family !== 6) {
    throw new OptionError('family', `family must be 4 or 6, but it is ${describeValue(family)}.`)
  }
  return options
}
