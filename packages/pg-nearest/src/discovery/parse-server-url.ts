import { inspect } from 'node:util'
import { OptionError } from '../errors.ts'
import { describeValue } from '../error-messages/describe-value.ts'
import { isPort, readUrl, urlFault } from './url-faults.ts'

/** Environment variables, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A server's address. Safe to print: only `url` contains the password, and it is not enumerable. */
export interface ServerAddress {
  /** A name, an address (IPv6 without brackets), or the directory of a unix socket. */
  readonly host: string
  /** The address to connect to instead of looking `host` up, which stays the name that a certificate is checked for. */
  readonly hostaddr: string | undefined
  readonly port: number
  /** `undefined`: PostgreSQL uses the user's name. */
  readonly database: string | undefined
  readonly user: string | undefined
  /** For people: `ord-host:5432/app`. Never contains the user or the password. */
  readonly label: string
  /**
   * The URL that says the rest, as it was given; `undefined` if there is none. It may name another host, whose parameters hold for this
   * server, too. A secret: absent from `util.inspect`, from JSON and from copies.
   */
  readonly url: string | undefined
}

/** What a URL says itself. Texts are decoded, and `''` where it says nothing. */
export interface UrlSays {
  readonly host: string
  readonly port: string
  readonly user: string
  readonly database: string
}

/**
 * Checks and parses a server's URL as pg does, `?host=/directory` and `%2Fdirectory` for unix sockets included. Defaults come from
 * `PGPORT`, `PGUSER` and `PGDATABASE`, as in pg. Connects to nothing.
 *
 * @param option - the URL's name in messages: `replicas.ord`, `DATABASE_URL`
 * @throws OptionError with code `NEAREST_BAD_URL`, whose message never contains any part of the URL
 */
export function parseServerUrl(url: unknown, option: string, env: Environment = process.env): ServerAddress {
  return serverAddress(readServerUrl(url, option), option, env, String(url))
}

/**
 * As {@link parseServerUrl}, without the defaults.
 *
 * @throws OptionError as there
 */
export function readServerUrl(url: unknown, option: string): UrlSays {
  const bad = (message: string): OptionError => new OptionError(option, `${option} ${message}`, 'NEAREST_BAD_URL')
  if (typeof url !== 'string') {
    const hint = url === undefined ? ' Is the environment variable that it comes from set?' : ''
    throw bad(`must be a URL such as postgres://user:password@host:5432/app, but it is ${describeValue(url)}.${hint}`)
  }
  const fault = urlFault(url)
  const read = fault === undefined ? readUrl(url) : undefined
  if (read === undefined) throw bad(fault ?? 'cannot be read as a URL.')

  const host = parameter(read.url, 'host') ?? decoded(read.hostname)
  const user = parameter(read.url, 'user') ?? decoded(read.url.username)
  const database = decoded(read.url.pathname.slice(1), decodeURI)
  if (host === undefined || user === undefined || database === undefined || decoded(read.url.password) === undefined) {
    throw bad('holds a percent-encoding that is not UTF-8. Encode the text again.')
  }
  if (host === '') throw bad('has no host. Write one, such as localhost, where the host belongs: //user@host/database.')
  if (/\p{Cc}/u.test(host + user + database)) {
    throw bad('holds a percent-encoded control character in its host, user or database. Take it out.')
  }
  return { host, port: parameter(read.url, 'port') ?? read.url.port, user, database }
}

/**
 * What is not given comes from `PGPORT`, `PGUSER` and `PGDATABASE`, as in pg.
 *
 * @throws OptionError for a port that is none
 */
export function serverAddress(
  given: {
    readonly host: string
    readonly port: number | string | undefined
    readonly user: string | undefined
    readonly database: string | undefined
  },
  option: string,
  env: Environment,
  url: string | undefined,
): ServerAddress {
  const port = String(given.port || env['PGPORT'] || '5432')
  if (!isPort(port)) {
    const message = `${option} takes its port from its query or from PGPORT, and that is no whole number from 1 to 65535.`
    throw new OptionError(option, message, 'NEAREST_BAD_URL')
  }
  const user = given.user || env['PGUSER'] || env['USER'] || undefined
  const database = given.database || env['PGDATABASE'] || user
  return seal({ host: given.host, hostaddr: undefined, port: Number(port), user, database }, url)
}

/** The same server name, at this address. */
export function atHostaddr({ host, port, user, database, url }: ServerAddress, hostaddr: string): ServerAddress {
  return seal({ host, hostaddr, port, user, database }, url)
}

/** Whether two addresses have the same host (ignoring case and a trailing dot), address to connect to, port and database. */
export function sameServer(a: ServerAddress, b: ServerAddress): boolean {
  return (
    hostKey(a.host) === hostKey(b.host) && a.hostaddr === b.hostaddr && a.port === b.port && a.database === b.database
  )
}

function hostKey(host: string): string {
  return host.startsWith('/') ? host.replace(/(?<=.)\/+$/, '') : host.toLowerCase().replace(/\.+$/, '')
}

/** As in pg, the last one counts, and empty ones are ignored. */
function parameter(url: URL, name: string): string | undefined {
  return url.searchParams.getAll(name).at(-1) || undefined
}

function decoded(text: string, decode: (text: string) => string = decodeURIComponent): string | undefined {
  try {
    return decode(text)
  } catch {
    return undefined
  }
}

function seal(shown: Omit<ServerAddress, 'label' | 'url'>, url: string | undefined): ServerAddress {
  const host = shown.host.includes(':') ? `[${shown.host}]` : shown.host
  const at = shown.hostaddr === undefined ? '' : `(${shown.hostaddr})`
  const label = `${host}${at}:${shown.port}${shown.database === undefined ? '' : `/${shown.database}`}`
  const address: ServerAddress = { ...shown, label, url }
  Object.defineProperty(address, 'url', { enumerable: false })
  // `showHidden` would list what is not enumerable.
  Object.defineProperty(address, inspect.custom, { value: () => ({ ...shown, label }) })
  return Object.freeze(address)
}
