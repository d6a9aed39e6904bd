import { parameterOf } from '../discovery/url-parts.ts'
import { closestName } from '../error-messages/closest-name.ts'
import { OptionError } from '../errors.ts'

/** libpq's `target_session_attrs`, by what is wanted of a server that takes a connection. */
const WANTED = {
  any: 'any',
  'read-write': 'writes',
  primary: 'writes',
  'read-only': 'reads',
  standby: 'reads',
  'prefer-standby': 'any',
} as const

const BALANCING = ['disable', 'random']

/**
 * Checks libpq's `target_session_attrs` and `load_balance_hosts` against the URL's place in the list. They change nothing: each server is
 * asked for its role, and reads are balanced among servers that are equally near.
 *
 * @throws OptionError for a value that libpq does not know, or that contradicts the place
 */
export function checkSessionAttributes(url: string, option: string, declared: 'primary' | 'replica'): void {
  const bad = (message: string): OptionError => new OptionError(option, `${option} ${message}`, 'NEAREST_BAD_URL')
  const wanted = valueOf(url, 'target_session_attrs', Object.keys(WANTED), bad)
  valueOf(url, 'load_balance_hosts', BALANCING, bad)
  const what = wanted === undefined ? 'any' : WANTED[wanted as keyof typeof WANTED]
  if (declared === 'primary' && what === 'reads') {
    throw bad(
      `says target_session_attrs=${wanted}, but the primary takes the writes. Put servers that are only read from into replicas, or take it out.`,
    )
  }
  if (declared === 'replica' && what === 'writes') {
    throw bad(
      `says target_session_attrs=${wanted}, but replicas are read from. Put servers of which one takes the writes into primary, or take it out.`,
    )
  }
}

function valueOf(
  url: string,
  name: string,
  known: readonly string[],
  bad: (message: string) => OptionError,
): string | undefined {
  const value = parameterOf(url, name) || undefined
  if (value === undefined || known.includes(value)) return value
  const closest = closestName(value, known)
  throw bad(
    `has a ${name} that is none. ${closest === undefined ? `It may be ${known.join(', ')}.` : `Did you mean ${closest}?`}`,
  )
}
