import { isIP } from 'node:net'
import type pg from 'pg'
import { closestName } from '../error-messages/closest-name.ts'
import { describeValue } from '../error-messages/describe-value.ts'
import { redactName } from '../error-messages/redact-name.ts'
import { OptionError } from '../errors.ts'
import { mismatch, pgOptionChecks, wholeNumber, type Check } from './pg-option-checks.ts'

/** Options of `pg.Client` that a server may have for itself. */
export const clientOptions: readonly ClientOption[] = [
  'ssl',
  'sslnegotiation',
  'stream',
  'options',
  'application_name',
  'fallback_application_name',
  'client_encoding',
  'enableChannelBinding',
  'scramMaxIterations',
  'keepAlive',
  'keepAliveInitialDelayMillis',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
]

type ClientOption = keyof pg.ClientConfig | 'scramMaxIterations'

const LABEL = /^[\p{L}\p{N}_][\p{L}\p{N}_.:-]{0,63}$/u

const text: Check = (value) =>
  typeof value === 'string' && value !== '' && !/\p{Cc}/u.test(value) ? undefined : 'a text without control characters'

/** A URL in the wrong place would be shown, with its password. */
const nameAlone: Check = (value) =>
  text(value) ?? (String(value).includes('://') ? 'a name alone, and no URL: that belongs into url' : undefined)

/** What a server's entry may have beside `clientOptions`. Those without a check are checked where they are read. */
const ownChecks: Readonly<Record<string, Check | undefined>> = {
  region: undefined,
  url: undefined,
  connectionString: undefined,
  host: text,
  hostaddr: (value) =>
    typeof value === 'string' && value.split(',').every((each) => isIP(each) > 0) ? undefined : HOSTADDR,
  port: (value) => wholeNumber(1, 65_535)(typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value),
  user: nameAlone,
  database: nameAlone,
  password: (value) => (typeof value === 'string' || typeof value === 'function' ? undefined : PASSWORD),
  max: wholeNumber(1),
  weight: (value) => (typeof value === 'number' && value >= 0 && Number.isFinite(value) ? undefined : WEIGHT),
  // `every` would skip holes.
  labels: (value) => (Array.isArray(value) && Array.from<unknown>(value).every(isLabel) ? undefined : LABELS),
}

const HOSTADDR = 'an address such as fdaa::3 or 10.0.0.4, or one for each host, separated by commas'
const PASSWORD = 'a text, or a function that returns one'
const WEIGHT = 'a number of at least 0; 0 is for a server that is read from only if nothing else is left'
const LABELS = 'a list of texts such as ["reporting"], each up to 64 letters, digits, "_", ".", ":" or "-"'

export function isLabel(value: unknown): value is string {
  return typeof value === 'string' && LABEL.test(value)
}

const names: readonly string[] = [...Object.keys(ownChecks), ...clientOptions]

/**
 * Checks the names and values of a server's entry. `undefined` counts as absent.
 *
 * @throws OptionError for the first that cannot be used
 */
export function checkServerEntry(entry: Readonly<Record<string, unknown>>, option: string): void {
  for (const [name, value] of Object.entries(entry)) {
    if (!names.includes(name)) throw unknownName(name, option)
    const check = ownChecks[name] ?? Reflect.get(pgOptionChecks, name)
    const must = value === undefined ? undefined : (check as Check | undefined)?.(value)
    if (must === undefined) continue
    const shown = typeof value === 'number' ? String(value) : describeValue(value)
    throw mismatch(`${option}.${name}`, must, shown)
  }
}

function unknownName(name: string, option: string): OptionError {
  if (Object.hasOwn(pgOptionChecks, name)) {
    return new OptionError(option, `${option}.${name} holds for the whole pool: put it beside primary, not into it.`)
  }
  const closest = closestName(name, names)
  const hint = closest === undefined ? `It takes ${names.join(', ')}.` : `Did you mean ${closest}?`
  return new OptionError(option, `${option} has no option ${redactName(name)}. ${hint}`)
}
