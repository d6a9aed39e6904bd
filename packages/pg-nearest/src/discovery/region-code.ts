import { OptionError } from '../errors.ts'
import { describeValue } from '../error-messages/describe-value.ts'
import { redactName } from '../error-messages/redact-name.ts'

const code = /^[a-z0-9][a-z0-9_-]{0,31}$/i

/**
 * Checks a region's code: a letter or digit, then up to 31 more letters, digits, `-` or `_`. Region codes are compared
 * without regard to case, so the result is in lower case: `ORD` and `ord` are one region.
 *
 * @param option - the option's path, for the error
 * @param subject - how the error message names it, if not by the option's path
 * @throws OptionError for anything else, white space included.
 */
export function parseRegion(value: unknown, option: string, subject: string = option): string {
  const region = regionOf(value)
  if (region === undefined) throw new OptionError(option, `${subject} ${fault(value)}`)
  return region
}

/** The same, but `undefined` for anything else. */
export function regionOf(value: unknown): string | undefined {
  return typeof value === 'string' && code.test(value) ? value.toLowerCase() : undefined
}

function fault(value: unknown): string {
  if (typeof value !== 'string') return `must be a region code such as "nrt", but it is ${describeValue(value)}.`
  if (value.trim() === '') return 'is empty. Leave it undefined where there is no region.'
  if (code.test(value.trim())) return `is ${redactName(value)}, with white space around it. Take the white space off.`
  return `is ${redactName(value)}, which is no region code. A code is up to 32 letters, digits, "-" or "_", such as "nrt".`
}
