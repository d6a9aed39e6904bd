import { NoConnectionError } from '../connections/no-connection-error.ts'
import type { Lease } from '../connections/lease.ts'
import { onAbort } from '../limits/on-abort.ts'
import type { Evidence } from '../route/failure-meaning.ts'
import type { RunEnd } from './run-statement.ts'

/** The caller's own limits on what runs on a connection. */
export interface RunLimits {
  readonly signal: AbortSignal | undefined
  /** pg's `query_timeout`. */
  readonly timeoutMs: number | undefined
}

export type LimitedEnd<End> = End | { readonly kind: 'cut'; readonly error: unknown }

/**
 * Runs something on a connection within the caller's limits. When one of them is reached, what runs is cancelled on the server. What
 * cannot write ends at once; for what can, the server's word is waited for, a second at most, so that a look at the primary
 * afterwards shows what became of it.
 *
 * @param mayWrite - begins a time in which it may still write. Returns what ends it. `undefined`: it cannot write.
 */
export function runWithin<End = RunEnd>(
  lease: Lease,
  { signal, timeoutMs }: RunLimits,
  run: (onEnd: (end: End) => void) => void,
  mayWrite: (() => () => void) | undefined,
): Promise<LimitedEnd<End>> {
  if (signal?.aborted === true) return Promise.resolve({ kind: 'cut', error: signal.reason })
  return new Promise((resolve) => {
    let cut: { readonly kind: 'cut'; readonly error: unknown } | undefined
    let timer: NodeJS.Timeout | undefined
    let forget: (() => void) | undefined
    const stop = (error: unknown): void => {
      if (cut !== undefined) return
      cut = { kind: 'cut', error }
      const settled = mayWrite?.()
      void lease.cancel().then(settled)
      if (mayWrite === undefined) resolve(cut)
    }
    run((end) => {
      clearTimeout(timer)
      forget?.()
      resolve(cut ?? end)
    })
    if (signal !== undefined) forget = onAbort(signal, () => stop(signal.reason))
    // pg's own words.
    if (timeoutMs !== undefined) timer = setTimeout(() => stop(new Error('Query read timeout')), timeoutMs)
  })
}

/** Why no connection was had, as evidence; the signal's reason is the caller's own. */
export function noConnection(
  error: unknown,
  signal: AbortSignal | undefined,
): { readonly kind: 'cut'; readonly error: unknown } | Evidence {
  if (signal?.aborted === true) return { kind: 'cut', error: signal.reason }
  if (error instanceof NoConnectionError) return { kind: 'no-connection', why: error.why, error: error.cause }
  return { kind: 'no-connection', why: 'unreachable', error }
}
