import { constants } from 'node:buffer'
import { codeOf, messageOf } from './driver-errors.ts'
import { instanceOf, isNearestError, NearestError } from './errors.ts'

/** What a statement is told whose answer could not be read for that reason; `undefined` for any other one. Pure. */
export function valueTooLongError(cause: unknown): NearestError | undefined {
  if (!isStringTooLong(cause)) return undefined
  return new NearestError(
    'NEAREST_VALUE_TOO_LONG',
    `A value in the answer is too long for a JavaScript string, which holds at most ${constants.MAX_STRING_LENGTH} characters, so the answer could not be read, and its connection was closed: ask for the value in parts, as with substring().`,
    { cause },
  )
}

export function isValueTooLong(error: unknown): boolean {
  return isNearestError(error) && codeOf(error) === 'NEAREST_VALUE_TOO_LONG'
}

/** Node's error, and V8's own. */
function isStringTooLong(error: unknown): boolean {
  if (!instanceOf(error, Error)) return false
  if (codeOf(error) === 'ERR_STRING_TOO_LONG') return true
  return instanceOf(error, RangeError) && messageOf(error) === 'Invalid string length'
}
