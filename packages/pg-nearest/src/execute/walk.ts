import { NearestError, OutcomeUnknownError, type FailedAttempt } from '../errors.ts'
import type { ServedBy } from '../events/served-by.ts'
import type { Lease } from '../monitor/server-connections.ts'
import { codeOf, isConnectionLoss, isRefusedByStandby, isWriteRefused } from '../server-failure.ts'
import { interpret, interpretNoConnection, type Verdict } from './interpret.ts'
import { noServer } from './no-server.ts'
import type { Attempt } from './plan.ts'

/** A statement on its way through the plan, and what it takes to run it. */
export interface Journey<T> {
  /** Without its values: it may stand in an error. */
  readonly text: string
  /** The text reads, as far as it shows. */
  readonly reads: boolean
  /** It is kept from writing wherever it runs, so a standby's refusal is the answer. */
  readonly readOnly: boolean
  /** It has no effect that outlives its connection: BEGIN. */
  readonly harmless: boolean
  readonly signal?: AbortSignal | undefined
  readonly attempts: readonly Attempt[]
  /** Where to go when a standby could not. */
  readonly primaries: () => readonly Attempt[]
  readonly borrow: (server: string) => Promise<Lease>
  readonly giveBack: (lease: Lease, error?: unknown) => void
  readonly run: (lease: Lease) => Promise<T>
  /** A standby refused this text and only a primary can run it. */
  readonly learn: () => void
  /** Evidence for the monitor: this server could not be connected to, or lost a connection. */
  readonly onTrouble: (server: string, error: unknown, phase: 'connect' | 'query') => void
}

export interface Arrival<T> {
  readonly value: T
  readonly servedBy: Omit<ServedBy, 'region'>
}

type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T; readonly standby: boolean }
  | { readonly kind: 'skipped' }
  | { readonly kind: 'failed'; readonly error: unknown; readonly verdict: Verdict; readonly phase: 'connect' | 'query' }

/** As many dead connections may wait in a server's pool. */
const MAX_AGAIN = 100

/**
 * Tries the plan's servers in turn until one runs the statement. It knows nothing of regions: where to go is the plan's
 * word, what a failure means is `interpret`'s.
 *
 * @throws pg's `DatabaseError` when the statement itself is at fault.
 * @throws `OutcomeUnknownError` when the connection died and the statement may have written.
 * @throws `NoServerError` when no server could run it.
 */
export async function walk<T>(journey: Journey<T>): Promise<Arrival<T>> {
  const failed: FailedAttempt[] = []
  let { attempts } = journey
  let refusal: unknown
  let maybeWritten: OutcomeUnknownError | undefined
  let again = 0

  for (let i = 0; i < attempts.length; i++) {
    const { server, reason } = attempts[i] as Attempt
    // oxlint-disable-next-line no-await-in-loop -- one server after the other is the point
    const outcome = await tryOn(journey, server, maybeWritten !== undefined)
    if (outcome.kind === 'skipped') continue
    if (outcome.kind === 'done') {
      if (refusal !== undefined && !outcome.standby && !isLag(refusal)) journey.learn()
      const role = outcome.standby ? 'replica' : 'primary'
      const why = failed.length > 0 ? 'retry' : reason
      return { value: outcome.value, servedBy: { server, role, reason: why, attempts: failed.length + 1 } }
    }
    const { error, verdict, phase } = outcome
    if (journey.signal?.aborted === true) throw error
    if (verdict === 'again' && again++ < MAX_AGAIN) {
      i--
      continue
    }
    failed.push({ server, error })
    if (verdict === 'fail') throw phase === 'connect' ? poolTimeout(server, error) : error
    if (verdict === 'unknown') throw new OutcomeUnknownError(journey.text, server, error)
    if (verdict === 'standbys') maybeWritten = new OutcomeUnknownError(journey.text, server, error)
    if (verdict === 'primary') {
      if (maybeWritten !== undefined) break
      refusal = error
      if (isWriteRefused(error)) journey.learn()
      attempts = journey.primaries()
      i = -1
    }
  }
  throw maybeWritten ?? (isLag(refusal) ? refusal : noServer(failed))
}

async function tryOn<T>(journey: Journey<T>, server: string, onlyStandby: boolean): Promise<Outcome<T>> {
  let lease: Lease
  try {
    lease = await journey.borrow(server)
  } catch (error) {
    const verdict = interpretNoConnection(error)
    if (verdict === 'next' && journey.signal?.aborted !== true) journey.onTrouble(server, error, 'connect')
    return { kind: 'failed', error, verdict, phase: 'connect' }
  }
  if (onlyStandby && !lease.provenStandby) {
    journey.giveBack(lease)
    return { kind: 'skipped' }
  }
  const { standby } = lease
  try {
    const value = await journey.run(lease)
    journey.giveBack(lease)
    return { kind: 'done', value, standby }
  } catch (error) {
    journey.giveBack(lease, error)
    const { readOnly, reads, harmless } = journey
    const verdict = interpret(error, { standby, readOnly, reads, harmless })
    if (isConnectionLoss(error)) journey.onTrouble(server, error, 'query')
    return { kind: 'failed', error, verdict, phase: 'query' }
  }
}

/** The standby may only have been behind: a later call may well find what this one missed. */
function isLag(refusal: unknown): boolean {
  return refusal !== undefined && !isRefusedByStandby(refusal) && codeOf(refusal) !== '55000'
}

function poolTimeout(server: string, cause: unknown): NearestError {
  return new NearestError(
    'NEAREST_TIMEOUT',
    `No connection to ${server} came free within connectionTimeoutMillis: raise it or "max", or look for clients that are never released.`,
    { cause },
  )
}
