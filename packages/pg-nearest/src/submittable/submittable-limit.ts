import pg from 'pg'
import { timeoutError, type DeadlineAbout } from '../limits/within-deadline.ts'
import type { Exchange } from '../wire/exchange.ts'
import { limitWait } from '../exchange/limit-wait.ts'

/** Ends what takes too long: see {@link limitSubmittable}. */
export interface SubmittableLimit {
  /** Aborted with the error that its user is told. */
  readonly signal: AbortSignal
  /** It is sent, perhaps once more: from now on it is looked at how far that is. */
  sent(exchange: Pick<Exchange, 'progress'>): void
  readonly stop: () => void
}

/** Milliseconds, if limited. */
export interface SubmittableTimes {
  readonly queryTimeoutMs: number | undefined
  /** Of the pool. */
  readonly timeoutMs: number | undefined
}

/**
 * Limits a pg.Query in all, as any statement. A cursor, a stream or a COPY may take as long as its user takes: it is limited in each wait for its
 * server, the first one from the call on. `undefined`: it has no limit.
 */
export function limitSubmittable(
  query: pg.Submittable,
  { queryTimeoutMs, timeoutMs }: SubmittableTimes,
  waitingFor: DeadlineAbout['waitingFor'],
): SubmittableLimit | undefined {
  if (queryTimeoutMs === undefined && timeoutMs === undefined) return undefined
  const over = new AbortController()
  let exchange: Pick<Exchange, 'progress'> | undefined
  const start = (ms: number, error: () => Error): (() => void) => {
    const end = (): void => over.abort(error())
    if (!(query instanceof pg.Query)) return limitWait('server', ms, () => exchange?.progress, end)
    const timer = setTimeout(end, ms)
    return () => clearTimeout(timer)
  }
  const stops: (() => void)[] = []
  // pg's own message.
  if (queryTimeoutMs !== undefined) stops.push(start(queryTimeoutMs, () => new Error('Query read timeout')))
  if (timeoutMs !== undefined)
    stops.push(start(timeoutMs, () => timeoutError(timeoutMs, { whose: 'pool', waitingFor })))
  return {
    signal: over.signal,
    sent: (sent) => {
      exchange = sent
    },
    stop: () => {
      for (const stop of stops) stop()
    },
  }
}
