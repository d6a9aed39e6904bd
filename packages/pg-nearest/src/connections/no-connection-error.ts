/**
 * - `refused`: the server answered, and said no.
 * - `unreachable`: it did not answer.
 * - `queue`: it was not waited for any longer.
 * - `hook`: the user's own `onConnect` or `verify` did not let it.
 */
export type NoConnectionReason = 'refused' | 'unreachable' | 'queue' | 'hook'

/** Why no connection could be had. Nothing was sent. */
export class NoConnectionError extends Error {
  override readonly name = 'NoConnectionError'
  readonly why: NoConnectionReason

  constructor(why: NoConnectionReason, cause: unknown) {
    super('no connection could be had', { cause })
    this.why = why
  }
}
