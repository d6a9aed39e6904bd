import { codeOf, messageOf } from '../driver-errors.ts'
import { instanceOf, lookAt, NearestError } from '../errors.ts'
import { redactPasswords } from './redact-passwords.ts'

/**
 * What a user's function has thrown, for events: its name, code and message without passwords. Its stack, its cause and whatever else it
 * carries (a client's configuration, a response) may hold some, too.
 */
export function withoutSecrets(thrown: unknown): Error {
  if (instanceOf(thrown, NearestError)) return thrown
  const name = lookAt(() => (thrown instanceof Error ? thrown.name : undefined)) ?? 'Error'
  const message = messageOf(thrown)
  const shown = Object.assign(new Error(redactPasswords(message)), { name: redactPasswords(name), stack: undefined })
  const code = codeOf(thrown)
  return code !== undefined && /^\w{2,40}$/.test(code) ? Object.assign(shown, { code }) : shown
}
