import { misspelled } from '../error-messages/closest-name.ts'
import { OptionError } from '../errors.ts'
import type { PgOptions, ServerNaming } from './server-list-types.ts'

/** What a value must be, and what it has instead where its type alone would not tell. */
export type Must = string | { readonly be: string; readonly has: string }

/** Describes what a value must be; `undefined` if it is valid. */
export type Check = (value: unknown) => Must | undefined

/** @param shown - the value, as far as it may be repeated */
export function mismatch(option: string, must: Must, shown: string): OptionError {
  const [be, instead] = typeof must === 'string' ? [must, `it is ${shown}`] : [must.be, `it has ${must.has}`]
  return new OptionError(option, `${option} must be ${be}, but ${instead}.`)
}

/** Node's timers fire at once above this. */
const longestTimer = 2_147_483_647

function check(must: string, test: (value: unknown) => boolean): Check {
  return (value) => (test(value) ? undefined : must)
}

/** A whole number within bounds, both included. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): Check {
  const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
  return check(`a whole number ${bounds}`, (value) => isNumber(value, min, max) && Number.isInteger(value))
}

/** Milliseconds that a timer can wait. */
export function milliseconds(min: number): Check {
  return check(`a number of milliseconds from ${min} to ${longestTimer}`, (value) => isNumber(value, min, longestTimer))
}

function isNumber(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && value >= min && value <= max
}

export const flag: Check = check('true or false', (value) => typeof value === 'boolean')
const text = check('a text', (value) => typeof value === 'string')
const call = check('a function', (value) => typeof value === 'function')
const timeout = check(
  `false, or a number of milliseconds from 0 to ${longestTimer}`,
  (value) => value === false || isNumber(value, 0, longestTimer),
)
/** pg's timer takes a text of digits, too. */
const queryTimeout: Check = (value) => timeout(typeof value === 'string' ? Number(value) : value)

/** The options in pg's documentation and types, and two that only its code mentions. */
export const pgOptionChecks: Readonly<Record<keyof PgOptions | 'binary' | 'scramMaxIterations', Check>> = {
  max: wholeNumber(1),
  min: wholeNumber(0),
  idleTimeoutMillis: check(
    `null, or a number of milliseconds from 0 to ${longestTimer}`,
    (value) => value === null || isNumber(value, 0, longestTimer),
  ),
  connectionTimeoutMillis: milliseconds(0),
  maxUses: check('a number of at least 0', (value) => isNumber(value, 0, Infinity)),
  maxLifetimeSeconds: check(`a number of seconds from 0 to ${Math.floor(longestTimer / 1000)}`, (value) =>
    isNumber(value, 0, longestTimer / 1000),
  ),
  allowExitOnIdle: flag,
  log: call,
  Promise: call,
  onConnect: call,
  verify: call,
  keepAlive: flag,
  keepAliveInitialDelayMillis: milliseconds(0),
  stream: call,
  ssl: (value) => {
    if (typeof value === 'boolean') return undefined
    if (!isObject(value) || Array.isArray(value)) return `true, false, or ${TLS}`
    for (const name of Object.keys(value)) {
      const meant = misspelled(name, TLS_OPTIONS)
      if (meant !== undefined) return { be: TLS, has: `${JSON.stringify(name)}: ${meant} is misspelled` }
    }
    return undefined
  },
  sslnegotiation: check('"postgres" or "direct"', (value) => value === 'postgres' || value === 'direct'),
  enableChannelBinding: flag,
  statement_timeout: timeout,
  lock_timeout: timeout,
  idle_in_transaction_session_timeout: timeout,
  query_timeout: queryTimeout,
  application_name: text,
  fallback_application_name: text,
  client_encoding: text,
  options: text,
  types: check(
    'an object with a function getTypeParser',
    (value) => isObject(value) && typeof Reflect.get(value, 'getTypeParser') === 'function',
  ),
  binary: flag,
  scramMaxIterations: wholeNumber(1),
}

const TLS = 'an object with options of tls.connect'

/** Those that decide whom a connection trusts. Others may be anything that Node knows. */
const TLS_OPTIONS = [
  'ca',
  'cert',
  'key',
  'passphrase',
  'pfx',
  'servername',
  'rejectUnauthorized',
  'checkServerIdentity',
  'minVersion',
  'maxVersion',
  'ciphers',
  'secureContext',
] as const

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Options of pg that name a server. Here each server has its own URL instead. */
export const serverNaming: readonly string[] = Object.keys({
  connectionString: true,
  host: true,
  port: true,
  database: true,
  user: true,
  password: true,
  Client: true,
  connection: true,
} satisfies Record<ServerNaming | 'connection', true>)
