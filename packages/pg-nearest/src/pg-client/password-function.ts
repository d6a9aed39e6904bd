import { isAuthenticationFailure } from '../driver-errors.ts'
import { errorNameAndCode } from './error-name-and-code.ts'
import { PasswordError } from '../errors.ts'

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
  let timer: NodeJS.Timeout | undefined
  const withinMs = Math.max(1, Math.floor(leftMs * SHARE))
  const late = new Promise<never>((_resolve, reject) => {
    if (!Number.isFinite(withinMs)) return
    timer = setTimeout(() => reject(new PasswordError(server, 'did not answer in time')), withinMs)
    timer.unref()
  })
  try {
    const password: unknown = await Promise.race([Promise.resolve().then(ask), late])
    if (typeof password === 'string' && password !== '') return password
    throw new PasswordError(server, 'has not returned a text')
  } catch (error) {
    throw error instanceof PasswordError ? error : new PasswordError(server, `has failed${errorNameAndCode(error)}`)
  } finally {
    clearTimeout(timer)
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
