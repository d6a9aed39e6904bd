import { NearestError } from '../errors.ts'

/**
 * - `refused`: the server answered with an error.
 * - `unreachable`: the server did not answer.
 * - `queue`: no connection came free in time, or too many statements were waiting.
 * - `hook`: the user's `onConnect` or `verify` failed.
 * - `unlisted`: the server has left the list.
 */
export type NoConnectionReason = 'refused' | 'unreachable' | 'queue' | 'hook' | 'unlisted'

/** No connection could be had, so nothing was sent. */
export class NoConnectionError extends Error {
  override readonly name = 'NoConnectionError'
  readonly why: NoConnectionReason

  constructor(why: NoConnectionReason, cause: unknown) {
    super('no connection could be had', { cause })
    this.why = why
  }
}

/** Too many wait for a connection already. */
export function overloaded(server: string, maxWaiting: number): NearestError {
  return new NearestError(
    'NEAREST_OVERLOADED',
    `${maxWaiting} statements wait for a connection to ${server} already, which is as many as "maxWaiting" lets: ask for less at once, or raise it, or "max".`,
  )
}

/** No connection came free in time. The message is pg's own, which callers may match. */
export function timedOut(): NoConnectionError {
  return new NoConnectionError('queue', new Error('timeout exceeded when trying to connect'))
}

/** The server has left the list, before or while a connection was waited for. */
export function unlisted(server: string): NoConnectionError {
  return new NoConnectionError('unlisted', new Error(`${server} is not in the list any more`))
}

/** After what has arrived meanwhile: whoever tries again at once must not keep this process from hearing that something has changed. */
export function rejectSoon(error: unknown): Promise<never> {
  return new Promise((_resolve, reject) => {
    setImmediate(reject, error)
  })
}
