import type pg from 'pg'
import { parseRegion } from '../discovery/region-code.ts'
import type { ListedServer, Password } from '../discovery/listed-server.ts'
import {
  atHostaddr,
  parseServerUrl,
  readServerUrl,
  serverAddress,
  type Environment,
  type ServerAddress,
} from '../discovery/parse-server-url.ts'
import { splitHosts } from '../discovery/several-hosts.ts'
import { parametersOf, withParameters } from '../discovery/url-parts.ts'
import { isPlainObject } from '../error-messages/describe-value.ts'
import { OptionError } from '../errors.ts'
import { isSslOverridden, SSL_PARAMETERS } from './is-ssl-overridden.ts'
import { checkServerEntry, clientOptions } from './server-entry-validation.ts'
import { checkSessionAttributes } from './session-attributes.ts'

/** A server of an entry, and where it stands in the options. */
export interface EntryServer {
  readonly option: string
  readonly server: Omit<ListedServer, 'name'>
}

export interface EntryPlace {
  /** The entry's path, such as `replicas.ord[1]`. */
  readonly option: string
  readonly declared: 'primary' | 'replica'
  /** By the entry's place. */
  readonly region: string | undefined
  /** The primary, from which an entry without a URL has what it does not say itself. */
  readonly base: EntryServer | undefined
  readonly env: Environment | undefined
  /** pg's options for all servers. */
  readonly pgOptions: pg.PoolConfig
}

/** An entry's fields, checked by `checkServerEntry`. */
interface Fields {
  readonly region?: unknown
  readonly url?: unknown
  readonly host?: string
  readonly hostaddr?: string
  readonly port?: number | string
  readonly user?: string
  readonly database?: string
  readonly password?: Password
  readonly max?: number
  readonly weight?: number
  readonly labels?: readonly string[]
  readonly stream?: unknown
}

/**
 * Reads one entry of `primary` or `replicas`: a URL, a bare host, or an object. One for several hosts gives several servers. In the
 * primary's they are all candidates for it: the first counts as the primary until they have said who is.
 *
 * @throws OptionError for an entry that cannot be used
 */
export function parseServerEntry(value: unknown, place: EntryPlace): readonly EntryServer[] {
  const { option, declared, base } = place
  const fields = fieldsOf(value, place)
  const region = regionOf(fields, place)
  const settings = { ...(fields.url === undefined ? inherited(base) : {}), ...settingsOf(fields) }
  const urlOption = isPlainObject(value) ? `${option}.url` : option
  const addresses = atHostaddrs(addressesOf(fields, place, urlOption), fields, option)
  const login = { settings, max: fields.max, password: fields.password ?? inheritedPassword(fields, base) }
  return addresses.map((address, i): EntryServer => ({
    option: fields.url === undefined ? option : urlOption,
    server: {
      region,
      declared: i === 0 ? declared : 'replica',
      candidate: declared === 'primary' && i > 0,
      weight: fields.weight,
      labels: fields.labels,
      sslIsOverridden: isSslOverridden(settings.ssl ?? place.pgOptions.ssl, address.url),
      address,
      login: { ...login, address },
    },
  }))
}

function fieldsOf(value: unknown, { option, base }: EntryPlace): Fields {
  if (typeof value === 'string' && base !== undefined && isBareHost(value)) return { host: value }
  if (!isPlainObject(value)) return { url: value }
  checkServerEntry(value, option)
  const { connectionString, ...given } = value
  if (connectionString !== undefined && given['url'] !== undefined) throw twice(option, 'connectionString')
  const fields: Fields = connectionString === undefined ? given : { ...given, url: connectionString }
  if (fields.url === undefined && Object.hasOwn(value, 'host') && fields.host === undefined && !fields.stream) {
    const message = `${option}.host is undefined. Is the environment variable that it comes from set?`
    throw new OptionError(`${option}.host`, message)
  }
  return fields
}

/** A name or an address, with a port or without; several, separated by commas. */
function isBareHost(text: string): boolean {
  return text.split(',').every((each) => /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(each))
}

function regionOf({ region }: Fields, { option, region: own }: EntryPlace): string | undefined {
  if (region === undefined) return own
  const given = parseRegion(region, `${option}.region`)
  if (own === undefined || own === given) return given
  const message = `${option}.region is ${given}, but the entry stands under ${own}. Take it out, or move the entry.`
  throw new OptionError(`${option}.region`, message)
}

function settingsOf(fields: Fields): pg.ClientConfig {
  const given = clientOptions.flatMap((name) => {
    const value: unknown = Reflect.get(fields, name)
    return value === undefined ? [] : [[name, value]]
  })
  return Object.fromEntries(given) as pg.ClientConfig
}

/** Without the stream, which leads to the primary. */
function inherited(base: EntryServer | undefined): pg.ClientConfig {
  const { stream: _, ...settings } = base?.server.login.settings ?? {}
  return settings
}

function inheritedPassword({ url }: Fields, base: EntryServer | undefined): Password | undefined {
  return url === undefined ? base?.server.login.password : undefined
}

function addressesOf(fields: Fields, place: EntryPlace, urlOption: string): readonly ServerAddress[] {
  const { option, declared } = place
  const { url, host, stream } = fields
  if (url === undefined && (host !== undefined || stream !== undefined)) {
    // A stream leads somewhere by itself; without a host the entry's path tells it from others.
    const hosts = host === undefined ? [option.replaceAll(/\[(\d+)\]/g, '.$1')] : host.split(',')
    return hosts.map((each) => addressAt(each, fields, place))
  }
  if (typeof url !== 'string') return [parseServerUrl(url, urlOption)]
  const addresses = splitHosts(url, urlOption).map((each) => besideUrl(each, fields, place, urlOption))
  checkSessionAttributes(url, urlOption, declared)
  return addresses
}

function atHostaddrs(
  addresses: readonly ServerAddress[],
  { hostaddr }: Fields,
  option: string,
): readonly ServerAddress[] {
  if (hostaddr === undefined) return addresses
  const given = hostaddr.split(',')
  if (given.length !== addresses.length) {
    const message = `${option}.hostaddr has ${given.length} addresses for ${addresses.length} hosts. Give one for each host.`
    throw new OptionError(`${option}.hostaddr`, message)
  }
  return addresses.map((address, i) => atHostaddr(address, given[i] ?? ''))
}

/** The address of a host, with the rest from the primary. */
function addressAt(text: string, fields: Fields, { option, base, env = process.env }: EntryPlace): ServerAddress {
  const [, name = '', port] = /^(.*?)(?::(\d{1,5}))?$/s.exec(isSeveralColons(text) ? `[${text}]` : text) ?? []
  const host = name.replace(/^\[(.+)\]$/, '$1')
  if (host === '' || /[\s@[\]]|:\/\//.test(host)) {
    const message = `${option}.host must be a host's name or address alone, such as db.example.com.`
    throw new OptionError(`${option}.host`, message)
  }
  const from = base?.server.address
  const inheritedUrl = from?.url === undefined ? undefined : withoutOverridden(from.url, fields, SSL_PARAMETERS)
  return serverAddress(
    {
      host,
      port: port ?? fields.port ?? from?.port,
      user: fields.user ?? from?.user,
      database: fields.database ?? from?.database,
    },
    option,
    env,
    inheritedUrl,
  )
}

/** An IPv6 address without brackets. */
function isSeveralColons(text: string): boolean {
  return /^[^[/]*:[^/]*:/.test(text)
}

/** What stands beside a URL says what the URL does not. */
function besideUrl(
  url: string,
  fields: Fields,
  { option, env = process.env }: EntryPlace,
  urlOption: string,
): ServerAddress {
  const says = readServerUrl(url, urlOption)
  if (fields.host !== undefined) throw twice(option, 'host')
  for (const name of ['port', 'user', 'database'] as const) {
    const given = fields[name]
    if (given !== undefined && says[name] !== '' && String(given) !== says[name]) throw twice(option, name)
  }
  const { host } = says
  const [port, user, database] = [says.port || fields.port, says.user || fields.user, says.database || fields.database]
  return serverAddress({ host, port, user, database }, urlOption, env, withoutOverridden(url, fields, []))
}

/** pg would let a URL's parameters count, and an own `ssl` must not lose against the primary's. */
function withoutOverridden(url: string, fields: Fields, sslParameters: readonly string[]): string {
  const own = Object.keys(settingsOf(fields))
  const overridden = own.flatMap((name) => (name === 'ssl' ? sslParameters : [name]))
  return overridden.some((name) => parametersOf(url).has(name)) ? withParameters(url, overridden, {}) : url
}

function twice(option: string, name: string): OptionError {
  const path = `${option}.${name}`
  return new OptionError(path, `${path} and ${option}.url say two things. Take one of the two out.`)
}
