import pg from 'pg'
import { timeoutError, type DeadlineAbout } from '../limits/within-deadline.ts'
import { nextWait, type Wait } from './wait-for-server.ts'

/** What is looked at while it is limited. */
export interface Watched {
  /** See `Exchange.usersTurn`. */
  readonly usersTurn?: number | undefined
  /** Another number whenever something has moved. */
  readonly moved: number
}

/** Ends what takes too long: see {@link limitSubmittable}. */
export interface SubmittableLimit {
  /** Aborted with the error that its user is told. */
  readonly signal: AbortSignal
  /** It is sent, perhaps once more. */
  watch(exchange: Watched): void
  readonly stop: () => void
}

/** Milliseconds, if limited. */
export interface SubmittableTimes {
  readonly queryTimeoutMs: number | undefined
  /** Of the pool. */
  readonly timeoutMs: number | undefined
}

const LOOKS = 10

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
  const start = query instanceof pg.Query ? limitInAll : limitEachWait
  const limits: Limited[] = []
  // pg's own message.
  if (queryTimeoutMs !== undefined)
    limits.push(start(queryTimeoutMs, () => over.abort(new Error('Query read timeout'))))
  if (timeoutMs !== undefined)
    limits.push(start(timeoutMs, () => over.abort(timeoutError(timeoutMs, { whose: 'pool', waitingFor }))))
  return {
    signal: over.signal,
    watch: (exchange) => {
      for (const limit of limits) limit.watch(exchange)
    },
    stop: () => {
      for (const limit of limits) limit.stop()
    },
  }
}

type Limited = Pick<SubmittableLimit, 'watch' | 'stop'>

function limitInAll(ms: number, onOver: () => void): Limited {
  const timer = setTimeout(onOver, ms)
  return { watch: () => undefined, stop: () => clearTimeout(timer) }
}

function limitEachWait(ms: number, onOver: () => void): Limited {
  const lookMs = ms / LOOKS
  let watched: Watched | undefined
  let wait: Wait = { ms: 0, moved: undefined }
  // Looks are counted, and not time: while this process was busy it could not have read the answer.
  const timer = setInterval(() => {
    wait = nextWait(wait, { moved: watched?.moved, isUsers: watched?.usersTurn !== undefined }, lookMs)
    if (wait.ms < ms) return
    clearInterval(timer)
    onOver()
  }, lookMs)
  const watch = (exchange: Watched): void => {
    watched = exchange
    wait = { ...wait, moved: undefined }
  }
  return { watch, stop: () => clearInterval(timer) }
}
