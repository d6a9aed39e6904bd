import { NoConnectionError } from '../connections/no-connection-error.ts'
import { instanceOf } from '../errors.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { onAbort } from '../limits/on-abort.ts'
import type { AttemptEnd } from '../walk/execution-types.ts'
import type { RunEnd } from './run-statement.ts'

/** The caller's limits for a statement on a connection. */
export interface RunLimits {
  readonly signal: AbortSignal | undefined
  /** pg's `query_timeout`. */
  readonly timeoutMs: number | undefined
}

/** It was ended by one of the limits. */
export interface Cut<End = unknown> {
  readonly kind: 'cut'
  readonly error: unknown
  /** How it has ended on the server all the same, where that was waited for. */
  readonly heard?: End
}

export type LimitedEnd<End> = End | Cut<End>

/** How it has ended, though it was cut, if what was heard shows that it was done for good. */
export function unlessDone<End extends { readonly kind: string }>(
  end: LimitedEnd<End>,
  isDone: (heard: End) => boolean,
): LimitedEnd<End> {
  if (!isCut(end) || end.heard === undefined) return end
  return isDone(end.heard) ? end.heard : end
}

function isCut<End extends { readonly kind: string }>(end: LimitedEnd<End>): end is Cut<End> {
  return end.kind === 'cut'
}

/**
 * Runs something on a connection within the caller's limits. When one is reached, it is cancelled on the server. If it cannot write,
 * the result is available at once. If it can, the server's answer is awaited for up to a second, so that reading from the primary
 * afterwards shows whether it was done.
 *
 * @param mayWrite - called when it is cancelled; returns a function that is called when it can no longer write. `undefined`: it
 *   cannot write.
 */
export function runWithin<End = RunEnd>(
  lease: Lease,
  { signal, timeoutMs }: RunLimits,
  run: (onEnd: (end: End) => void) => void,
  mayWrite: (() => () => void) | undefined,
  onEnd: (end: LimitedEnd<End>) => void,
): void {
  if (signal?.aborted === true) return onEnd({ kind: 'cut', error: signal.reason })
  let cut: Cut<never> | undefined
  let ended = false
  let timer: NodeJS.Timeout | undefined
  let forget: (() => void) | undefined
  const tell = (end: LimitedEnd<End>): void => {
    clearTimeout(timer)
    forget?.()
    if (ended) return
    ended = true
    onEnd(end)
  }
  const stop = (error: unknown): void => {
    if (cut !== undefined || ended) return
    cut = { kind: 'cut', error }
    const settled = mayWrite?.()
    void lease.cancel().then(settled)
    if (mayWrite === undefined) tell(cut)
  }
  run((end) => tell(cut === undefined ? end : { ...cut, heard: end }))
  if (ended) return
  if (signal !== undefined) forget = onAbort(signal, () => stop(signal.reason))
  // pg's own message.
  if (timeoutMs !== undefined) timer = setTimeout(() => stop(new Error('Query read timeout')), timeoutMs)
}

/** Like {@link runWithin}, as a promise. */
export function runWithinAsync<End>(
  lease: Lease,
  limits: RunLimits,
  run: (onEnd: (end: End) => void) => void,
  mayWrite: (() => () => void) | undefined,
): Promise<LimitedEnd<End>> {
  return new Promise((resolve) => runWithin(lease, limits, run, mayWrite, resolve))
}

/**
 * How an attempt ended that got no connection, so that nothing was sent: `cut` if the caller's signal caused it, `replan` if the server has left the list meanwhile.
 */
export function notSent(
  error: unknown,
  signal: AbortSignal | undefined,
): Extract<AttemptEnd<never>, { kind: 'cut' | 'replan' | 'failed' }> {
  if (signal?.aborted === true) return { kind: 'cut', error: signal.reason }
  const none = instanceOf(error, NoConnectionError) ? error : undefined
  const [why, cause] = none === undefined ? ['unreachable' as const, error] : [none.why, none.cause]
  if (why === 'unlisted') return { kind: 'replan', unlisted: true }
  const evidence = { kind: 'no-connection', why, error: cause } as const
  return { kind: 'failed', evidence, standby: false, forced: false, generation: undefined }
}
