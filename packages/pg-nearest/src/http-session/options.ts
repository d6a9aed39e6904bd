import { closestName } from '../error-messages/closest-name.ts'
import { isPlainObject, describeValue } from '../error-messages/describe-value.ts'
import { redactName } from '../error-messages/redact-name.ts'
import { OptionError } from '../errors.ts'
import { createBookmarkSeal, type BookmarkSeal } from './bookmark-seal.ts'

/** How a session's bookmark travels between the requests of one client. */
export interface HttpSessionOptions {
  /**
   * How the names of the cookies begin, which are like `pg-nearest.k3J9x_aQ`. A client has at most one, or for a moment
   * several after requests that ran at the same time. Give each app on a host a name of its own. Default `pg-nearest`.
   */
  readonly cookie?: string | undefined
  /**
   * A header that carries the bookmark as well, both ways, for clients without cookies. The value of a response covers what
   * its request sent. A client that has several requests under way at once has to keep the values of all their responses and
   * send them in one header, separated by commas, until a response to a request that sent them brings another one, or
   * `maxAgeSeconds` have passed. Default: none.
   */
  readonly header?: string | undefined
  /**
   * Signs the bookmark, so that only bookmarks that this app gave out count, for `maxAgeSeconds`. Without it a client can
   * claim any position, which costs at most one question to the primary, shared by all such claims, and does not affect other clients. At least 16 characters. Of a
   * list, the first one signs and all are accepted. Default: not signed.
   */
  readonly secret?: string | readonly string[] | undefined
  /** How long a client keeps the bookmark: longer than replicas fall behind. 1 to 86,400; default 60. */
  readonly maxAgeSeconds?: number | undefined
  /** Default `/`. */
  readonly path?: string | undefined
  /** Default: none, which means this host only. */
  readonly domain?: string | undefined
  /** Default `lax`. With `none` the cookie is always `Secure`, as browsers demand. */
  readonly sameSite?: 'lax' | 'strict' | 'none' | undefined
  /** Default: if `NODE_ENV` is `production`, or the request came by https. */
  readonly secure?: boolean | undefined
  /**
   * Seconds after which a client may try again: the `Retry-After` of the 503 that a request is answered with when it fails (by an error, or a
   * status from 500 on) after a statement of its session has failed because nothing could be written (the mode `read-only`, no primary) or
   * no server be reached. 1 to 86,400; default 5.
   */
  readonly retryAfterSeconds?: number | undefined
}

/** Options that have been checked, with their defaults filled in. */
export interface ParsedHttpOptions {
  readonly cookie: string
  /** In lower case. */
  readonly header: string | undefined
  readonly seal: BookmarkSeal | undefined
  readonly maxAgeSeconds: number
  readonly path: string
  readonly domain: string | undefined
  readonly sameSite: 'Lax' | 'Strict' | 'None'
  /** `undefined`: as the request came. */
  readonly secure: boolean | undefined
  readonly retryAfterSeconds: number
}

const TOKEN = /^[\w!#$%&'*+.^`|~-]{1,100}$/
const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' } as const
const LONGEST_AGE = 86_400

type Check = readonly [holds: (value: unknown) => boolean, must: string]

const text = (pattern: RegExp) => (value: unknown) => typeof value === 'string' && pattern.test(value)

const seconds: Check = [
  (value) => typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= LONGEST_AGE,
  `a whole number from 1 to ${LONGEST_AGE}`,
]

const checks: Readonly<Record<Exclude<keyof HttpSessionOptions, 'secret'>, Check>> = {
  cookie: [text(TOKEN), 'a name for a cookie, such as pg-nearest'],
  header: [text(TOKEN), 'the name of a header, such as x-pg-bookmark'],
  maxAgeSeconds: seconds,
  path: [text(/^\/[!-:<-~]*$/), 'a path, such as /app'],
  domain: [text(/^[a-z0-9.-]{1,253}$/i), 'a domain, such as example.com'],
  sameSite: [(value) => typeof value === 'string' && Object.hasOwn(SAME_SITE, value), 'lax, strict or none'],
  secure: [(value) => typeof value === 'boolean', 'true or false'],
  retryAfterSeconds: seconds,
}
const names: readonly string[] = [...Object.keys(checks), 'secret']

/** @throws OptionError for the first thing that cannot be used */
export function parseHttpOptions(options: HttpSessionOptions): ParsedHttpOptions {
  if (!isPlainObject(options)) {
    throw new OptionError('options', `The options must be an object, but they are ${describeValue(options)}.`)
  }
  for (const name of Object.keys(options)) if (!names.includes(name)) throw unknownOption(name)
  for (const [name, [holds, must]] of Object.entries(checks)) {
    const value = options[name as keyof typeof checks]
    if (value !== undefined && !holds(value)) throw new OptionError(name, `${name} must be ${must}.`)
  }
  const { cookie = 'pg-nearest', header, secret, maxAgeSeconds = 60 }: HttpSessionOptions = options
  const { path = '/', domain, sameSite = 'lax', secure, retryAfterSeconds = 5 }: HttpSessionOptions = options
  if (sameSite === 'none' && secure === false) {
    throw new OptionError('secure', 'secure cannot be false with sameSite: "none": no browser keeps such a cookie.')
  }
  return {
    cookie,
    header: header?.toLowerCase(),
    seal: secret === undefined ? undefined : createBookmarkSeal({ secret, maxAgeMs: maxAgeSeconds * 1_000 }),
    maxAgeSeconds,
    path,
    domain,
    sameSite: SAME_SITE[sameSite],
    retryAfterSeconds,
    secure: secure ?? (sameSite === 'none' || process.env['NODE_ENV'] === 'production' ? true : undefined),
  }
}

function unknownOption(name: string): OptionError {
  const closest = closestName(name, names)
  const hint = closest === undefined ? `It takes ${names.join(', ')}.` : `Did you mean ${closest}?`
  const shown = redactName(name)
  return new OptionError(shown === JSON.stringify(name) ? name : 'options', `There is no option ${shown}. ${hint}`)
}
