import { NearestError } from '../errors.ts'

export function endedError(): NearestError {
  return new NearestError('NEAREST_ENDED', 'The pool was ended: make a new one, or end it later.')
}
