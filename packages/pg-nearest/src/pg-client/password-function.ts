import { isAuthenticationFailure } from '../driver-errors.ts'
import { instanceOf, PasswordError } from '../errors.ts'
import { SilentError, withinTime } from '../limits/stall-aware-timeout.ts'
import { errorNameAndCode } from './error-name-and-code.ts'

/** pg passes what it knows of the connection. */
export type PasswordFunction = (parameters?: unknown) => string | Promise<string>

/** A part of the time to connect, so that the reason is told before the connection is given up without one. */
const SHARE = 0.9

/**
 * Calls the user's function with a bound, so that one that throws or hangs is its server's trouble only.
 *
 * @param leftMs - how long the connection still has; `Infinity`: it is not limited
 * @throws PasswordError when it does not give a text in time
 */
export async function askForPassword(
  server: string,
  ask: () => string | Promise<string>,
  leftMs: number,
): Promise<string> {
  try {
    const password: unknown = await withinTime(Promise.resolve().then(ask), leftMs * SHARE)
    if (typeof password === 'string' && password !== '') return password
    throw new PasswordError(server, 'has not returned a text')
  } catch (error) {
    if (instanceOf(error, PasswordError)) throw error
    const how = instanceOf(error, SilentError) ? 'did not answer in time' : `has failed${errorNameAndCode(error)}`
    throw new PasswordError(server, how)
  }
}

/** How often a server may refuse what a password function gives before it counts as refused. */
const TRIES = 3
const PAUSE_MS = 50

/**
 * A server decides which password counts before it asks for it, so one that changes at that moment is refused. Milliseconds until the
 * function should be asked again; `undefined` if the refusal counts.
 *
 * @param tries - how many have been refused, this one included
 */
export function askAgainAfterMs(password: unknown, error: unknown, tries: number): number | undefined {
  if (typeof password !== 'function' || error instanceof PasswordError) return undefined
  return isAuthenticationFailure(error) && tries < TRIES ? PAUSE_MS * tries : undefined
}
