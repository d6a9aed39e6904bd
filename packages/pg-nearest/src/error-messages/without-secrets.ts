import { codeOf } from '../driver-errors.ts'
import { NearestError } from '../errors.ts'
import { redactPasswords } from './redact-passwords.ts'

/**
 * What a user's function has thrown, for events: its name, code and message without passwords. Its stack, its cause and whatever else it
 * carries (a client's configuration, a response) may hold some, too.
 */
export function withoutSecrets(thrown: unknown): Error {
  if (thrown instanceof NearestError) return thrown
  const { name, message } = thrown instanceof Error ? thrown : { name: 'Error', message: String(thrown) }
  const shown = Object.assign(new Error(redactPasswords(message)), { name: redactPasswords(name), stack: undefined })
  const code = codeOf(thrown)
  return code !== undefined && /^\w{2,40}$/.test(code) ? Object.assign(shown, { code }) : shown
}
