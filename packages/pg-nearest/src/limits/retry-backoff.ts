import { onAbort } from './on-abort.ts'

const FIRST_MS = 5
const LONGEST_MS = 250

/**
 * Waits before the second round and later ones, for a random time up to a limit that doubles (5 ms to 250 ms). Resolves early when
 * the signal is aborted.
 */
export function pause(round: number, signal: AbortSignal | undefined): Promise<void> {
  if (round <= 1) return Promise.resolve()
  return sleep(Math.random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(round, 10)), signal)
}

/** Resolves after `ms` milliseconds, or when the signal is aborted. */
export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      forget?.()
      resolve()
    }
    const timer = setTimeout(done, ms)
    const forget = signal === undefined ? undefined : onAbort(signal, done)
  })
}
