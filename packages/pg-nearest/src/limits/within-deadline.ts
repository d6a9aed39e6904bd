import { NearestError } from '../errors.ts'
import { onAbort } from './on-abort.ts'

/** The limits of a call. */
export interface Limits {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
}

/** What an error about the time says beside it. */
export interface DeadlineAbout {
  /** Whose limit it is. */
  readonly whose: 'call' | 'pool' | 'transaction'
  /** What it is waiting for now, such as `for an answer of nrt`; `undefined`: for nothing of a server's. */
  waitingFor(): string | undefined
}

/** Runs `work` with a signal that is aborted with the caller's, or after `timeoutMs`. */
export async function withinDeadline<T>(
  { signal, timeoutMs }: Limits,
  work: (signal: AbortSignal | undefined) => Promise<T>,
  about: DeadlineAbout = { whose: 'call', waitingFor: () => undefined },
): Promise<T> {
  if (timeoutMs === undefined) return work(signal)
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(timeoutError(timeoutMs, about)), timeoutMs)
  if (signal?.aborted === true) deadline.abort(signal.reason)
  const forget = signal === undefined ? undefined : onAbort(signal, () => deadline.abort(signal.reason))
  try {
    return await work(deadline.signal)
  } finally {
    clearTimeout(timer)
    forget?.()
  }
}

export function timeoutError(ms: number, { whose, waitingFor }: DeadlineAbout): NearestError {
  const what = waitingFor()
  const during = what === undefined ? '' : ` while it waited ${what}`
  const undone = whose === 'transaction' ? 'It is rolled back' : 'It was cancelled'
  return new NearestError(
    'NEAREST_TIMEOUT',
    `The time of this ${whose === 'transaction' ? whose : 'call'} was over${during}: timeoutMs of the ${whose} is ${ms} ms, every attempt included. ` +
      `${undone}; what may write, and was on its way, may have happened all the same: look before you repeat it. ` +
      'Raise timeoutMs, or find what takes so long there (pg_stat_activity, npx pg-nearest doctor).',
  )
}
