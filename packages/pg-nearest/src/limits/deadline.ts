import { NearestError } from '../errors.ts'
import { onAbort } from './on-abort.ts'

/** The limits of a call. */
export interface Limits {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
}

/** Runs `work` with a signal that is aborted with the caller's, or after `timeoutMs`. */
export async function withinDeadline<T>(
  { signal, timeoutMs }: Limits,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (timeoutMs === undefined) return work(signal)
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(timedOut(timeoutMs)), timeoutMs)
  if (signal?.aborted === true) deadline.abort(signal.reason)
  const forget = signal === undefined ? undefined : onAbort(signal, () => deadline.abort(signal.reason))
  try {
    return await work(deadline.signal)
  } finally {
    clearTimeout(timer)
    forget?.()
  }
}

function timedOut(ms: number): NearestError {
  return new NearestError(
    'NEAREST_TIMEOUT',
    `It was not done within timeoutMs (${ms} ms), every attempt included, and was cancelled. A write may have happened, if it was on its way.`,
  )
}
