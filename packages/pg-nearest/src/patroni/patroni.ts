import { messageOf } from '../driver-errors.ts'
import { describeValue, isPlainObject } from '../error-messages/describe-value.ts'
import { checkNames } from '../error-messages/unknown-name.ts'
import { OptionError } from '../errors.ts'
import { entryWithHost } from '../server-list/entry-with-host.ts'
import type { ServerEntry, ServerList, ServerSource } from '../server-list/server-list-types.ts'
import { membersIn, taggedRegion, type PatroniMember } from './cluster-answer.ts'

/** Options of {@link patroni}. */
export interface PatroniOptions {
  /** The region of a member. Default: `region` of its tags, else the primary's. */
  readonly regionOf?: ((member: PatroniMember) => string | undefined) | undefined
  /** For headers, certificates and the like. Default: the `fetch` of Node. */
  readonly fetch?: ((url: string, init: { readonly signal: AbortSignal }) => Promise<Response>) | undefined
}

/** One member; all of them together must fit into the time that a list may take. */
const ATTEMPT_MS = 2_500
const MOST_ATTEMPTS = 3
/** A hundred thousand members have less. */
const MOST_BYTES = 10_000_000

/**
 * Lists the members of a Patroni cluster, as `servers` of `createPool`, by its REST API (`GET /cluster`): the leader is the primary, and
 * members without a region of their own are asked beside it which of them takes the writes. Everything but host and port is as `primary`
 * says. An answer that cannot be had, or names no leader, leaves the list as it is.
 *
 * @example
 * ```ts
 * import { createPool } from 'pg-nearest'
 * import { patroni } from 'pg-nearest/patroni'
 *
 * const pool = createPool({
 *   primary: process.env.DATABASE_URL ?? 'postgres://localhost/app',
 *   servers: patroni(['http://10.0.0.1:8008', 'http://10.0.0.2:8008']),
 *   serversIntervalMs: 10_000,
 * })
 * ```
 *
 * @param urls - the API of one member or of several, of which the first that answers counts; then those that it has named
 * @throws OptionError for a URL or an option that cannot be used
 */
export function patroni(urls: string | readonly string[], options: PatroniOptions = {}): ServerSource {
  const given = [urls].flat().map(checkedUrl)
  if (given.length === 0)
    throw new OptionError('urls', "patroni() takes the URL of a member's REST API, but the list is empty.")
  const { regionOf = taggedRegion, fetch: ask = fetch } = checked(options)
  let named: readonly string[] = []

  const membersNow = async (): Promise<ReturnType<typeof membersIn>> => {
    const errors: unknown[] = []
    for (const url of [...new Set([...given, ...named])].slice(0, MOST_ATTEMPTS)) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- the next one only if this one has failed
        const response = await ask(`${url}/cluster`, { signal: AbortSignal.timeout(ATTEMPT_MS) })
        if (!response.ok) throw new Error(`status ${response.status}`)
        // oxlint-disable-next-line no-await-in-loop -- as above
        const members = membersIn(JSON.parse(await textOf(response)))
        // The first that answers comes first the next time.
        named = [url, ...members.flatMap(({ apiUrl }) => apiUrl ?? [])]
        return members
      } catch (error) {
        errors.push(error)
      }
    }
    const why = errors.map(messageOf).join('; ')
    throw new Error(`Patroni was asked for the members of the cluster: ${why}`, { cause: new AggregateError(errors) })
  }

  return async (before): Promise<ServerList> => {
    const template = typeof before.primary === 'string' ? { url: before.primary } : before.primary
    const [leader, ...others] = await membersNow()
    const region = regionOf(leader) ?? template.region
    const beside = others.filter((member) => (regionOf(member) ?? region) === region)
    const replicas = new Map<string, ServerEntry[]>()
    for (const member of others) {
      const own = regionOf(member)
      if (own === undefined || beside.includes(member)) continue
      const { region: _, ...entry } = entryWithHost(template, placeOf(member))
      replicas.set(own, [...(replicas.get(own) ?? []), entry])
    }
    const primary = { ...entryWithHost(template, [leader, ...beside].map(placeOf).join(',')), region }
    return { primary, replicas: Object.fromEntries(replicas) }
  }
}

/** Rejects for one without end, before it has filled the memory. */
async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > MOST_BYTES) throw new Error(`the answer has more than ${MOST_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function placeOf({ host, port }: PatroniMember): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function checkedUrl(url: unknown): string {
  if (typeof url !== 'string' || !/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new OptionError(
      'urls',
      typeof url === 'string'
        ? `A URL of patroni() must begin with http:// or https://, as http://10.0.0.1:8008 does.`
        : `patroni() takes URLs such as http://10.0.0.1:8008, but it got ${describeValue(url)}.`,
    )
  }
  const { username, password } = new URL(url)
  if (username === '' && password === '') return url.replace(/\/+$/, '')
  throw new OptionError(
    'urls',
    'A URL of patroni() has a user or a password in it, which fetch refuses: send them as a header, by the option fetch.',
  )
}

function checked(options: unknown): PatroniOptions {
  if (!isPlainObject(options)) {
    throw new OptionError(
      'options',
      `patroni() takes options such as { regionOf }, but it got ${describeValue(options)}.`,
    )
  }
  const names = ['regionOf', 'fetch'] as const
  checkNames(options, names)
  for (const name of names) {
    const value = options[name]
    if (value === undefined || typeof value === 'function') continue
    throw new OptionError(name, `${name} must be a function, but it is ${describeValue(value)}.`)
  }
  return options
}
