import { NearestError, OutcomeUnknownError, type FailedAttempt } from '../errors.ts'
import type { Lease } from '../monitor/server-connections.ts'
import { codeOf, isConnectionLoss, isRefusedByStandby, isTransient, isWriteRefused } from '../server-failure.ts'
import { BehindError } from './behind-error.ts'
import { interpret, interpretNoConnection, type Verdict } from './interpret.ts'
import type { Journey } from './journey.ts'
import { noServer, type GaveUp } from './no-server.ts'

/** As many dead connections may wait in a server's pool. */
const MAX_AGAIN = 100

/** What went wrong on a journey so far, and what may still be done. */
export interface Mishaps {
  readonly count: number
  /** Why it ends up elsewhere than planned. */
  readonly reason: 'retry' | 'lagging' | undefined
  /** This server was tried. */
  has(server: string): boolean
  /** Takes in that an attempt failed: without a lease, because there was no connection. Returns how to go on. */
  add(server: string, lease: Pick<Lease, 'standby'> | undefined, error: unknown): 'next' | 'again' | 'primary' | 'stop'
  /** Nothing has happened, and it may go better in a moment. */
  readonly mayWait: boolean
  /** It waits for a primary, once more. */
  waits(): void
  /** How often it has waited. */
  readonly rounds: number
  /** When the first attempt failed, by `performance.now()`. */
  readonly begunAt: number
  /** When the last one failed, in milliseconds since the epoch. */
  readonly latest: number
  /** A statement that may have been run by a primary must not be run by one again. */
  forbid(lease: Lease): boolean
  /** The journey ended well after all: whether a standby's refusal showed that the text writes. */
  showWrite(standby: boolean): boolean
  /** The error for a journey that stopped, or that ran out of servers. */
  error(): unknown
}

export function createMishaps(journey: Journey<unknown, unknown>): Mishaps {
  const failed: FailedAttempt[] = []
  let refusal: unknown
  let maybeWritten: OutcomeUnknownError | undefined
  let again = 0
  let final: { readonly error: unknown } | undefined
  let gaveUp: GaveUp = 'nobody-left'
  let rounds = 0
  let latest = 0
  const begunAt = performance.now()

  const judge = (server: string, lease: Pick<Lease, 'standby'> | undefined, error: unknown): Verdict => {
    if (lease === undefined) {
      const verdict = interpretNoConnection(error)
      if (verdict === 'next' && journey.signal?.aborted !== true) journey.onTrouble(server, error, 'connect')
      return verdict
    }
    if (error instanceof BehindError) return 'next'
    if (isConnectionLoss(error)) journey.onTrouble(server, error, 'query')
    const { readOnly, reads, harmless } = journey
    return interpret(error, { standby: lease.standby, readOnly, reads, harmless })
  }

  const stop = (error: unknown): 'stop' => {
    final = { error }
    return 'stop'
  }

  return {
    get count() {
      return failed.length
    },
    get reason() {
      if (failed.length === 0) return undefined
      return failed.every(({ error }) => error instanceof BehindError) ? 'lagging' : 'retry'
    },
    get mayWait() {
      const waitable = failed.every(({ error }) => error instanceof BehindError || isTransient(error))
      // What may have written may still be answered by a standby, once one shows what it must.
      const settled = final !== undefined || (maybeWritten !== undefined && !journey.reads)
      return waitable && !settled && journey.signal?.aborted !== true
    },
    waits() {
      rounds++
      gaveUp = 'no-primary'
    },
    get rounds() {
      return rounds
    },
    begunAt,
    get latest() {
      return latest
    },
    has: (server) => failed.some((attempt) => attempt.server === server),
    add(server, lease, error) {
      const verdict = judge(server, lease, error)
      latest = Date.now()
      if (journey.signal?.aborted === true) return stop(error)
      if (verdict === 'again' && again++ < MAX_AGAIN) return 'again'
      failed.push({ server, error })
      switch (verdict) {
        case 'fail':
          return stop(lease === undefined ? notLent(server, error) : notWritten(journey, server, lease, error))
        case 'unknown':
          return stop(new OutcomeUnknownError(journey.text, server, error))
        case 'standbys':
          maybeWritten = new OutcomeUnknownError(journey.text, server, error)
          return 'next'
        case 'primary':
          if (maybeWritten !== undefined) return stop(maybeWritten)
          refusal = error
          if (isWriteRefused(error)) {
            journey.learn()
            journey.onTrouble(server, error, 'role')
          }
          return 'primary'
        case 'again':
        case 'next':
          if (lease === undefined || !isConnectionLoss(error) || journey.mayRetry()) return 'next'
          gaveUp = 'budget'
          return stop(undefined)
      }
    },
    forbid: (lease) => maybeWritten !== undefined && !lease.provenStandby,
    showWrite: (standby) => refusal !== undefined && !standby && !isLag(refusal),
    error() {
      if (final?.error !== undefined) return final.error
      if (journey.signal?.aborted === true) return journey.signal.reason
      // A standby said no, and no primary is known that could be asked.
      const said = refusal !== undefined && (isLag(refusal) || failed.at(-1)?.error === refusal)
      return maybeWritten ?? (said && rounds === 0 ? refusal : noServer(failed, journey.candidates(), gaveUp))
    },
  }
}

/** The standby may only have been behind: a later call may well find what this one missed. */
function isLag(refusal: unknown): boolean {
  return refusal !== undefined && !isRefusedByStandby(refusal) && codeOf(refusal) !== '55000'
}

/** A primary that is no standby and refuses a write, though nobody here has asked it to. */
function notWritten(
  journey: Journey<unknown, unknown>,
  server: string,
  { standby }: Pick<Lease, 'standby'>,
  error: unknown,
): unknown {
  if (!isWriteRefused(error) || standby || journey.readOnly) return error
  return new NearestError(
    'NEAREST_READ_ONLY',
    `${server} is the primary and refuses to write, though it is no standby: look at default_transaction_read_only there. Was it fenced, or is its disk full?`,
    { cause: error },
  )
}

function notLent(server: string, cause: unknown): NearestError {
  if (cause instanceof NearestError) return cause
  return new NearestError(
    'NEAREST_TIMEOUT',
    `No connection to ${server} came free within connectionTimeoutMillis: raise it or "max", or look for clients that are never released.`,
    { cause },
  )
}
