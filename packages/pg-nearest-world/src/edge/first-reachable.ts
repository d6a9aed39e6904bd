import { setTimeout as sleep } from 'node:timers/promises'
import type { FailureReason } from './forwarded-headers.ts'
import type { Instance } from './choose-instances.ts'

const PAUSE_MS = 50

export type Found =
  | { readonly kind: 'found'; readonly instance: Instance }
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly elapsedMs: number }

export interface Search {
  /** In order of preference, as they are now: one may have started meanwhile. */
  candidates(): readonly Instance[]
  reachable(instance: Instance): Promise<boolean>
  readonly timeoutMs: number
  /** Whether the time was the app's wish. */
  readonly timed: boolean
  /** Nobody waits for it any more. */
  readonly signal: AbortSignal
}

/** The first candidate that can be reached, as soon as there is one. Rejects when it is aborted. */
export async function firstReachable({ candidates, reachable, timeoutMs, timed, signal }: Search): Promise<Found> {
  const begin = performance.now()
  for (;;) {
    const now = candidates()
    const elapsedMs = performance.now() - begin
    if (now.length === 0) return { kind: 'failed', reason: 'no_candidate', elapsedMs }
    for (const instance of now) if (await reachable(instance)) return { kind: 'found', instance }
    if (elapsedMs >= timeoutMs) return { kind: 'failed', reason: timed ? 'timeout' : 'retries_exhausted', elapsedMs }
    await sleep(Math.min(PAUSE_MS, timeoutMs - elapsedMs), undefined, { signal })
  }
}
