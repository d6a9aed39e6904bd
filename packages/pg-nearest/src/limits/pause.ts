import { onAbort } from './on-abort.ts'

const FIRST_MS = 5
const LONGEST_MS = 250

/**
 * Before the second round and later ones, any time up to a limit that doubles: nobody is asked in a tight loop. Ends early when
 * the signal is aborted.
 */
export function pause(round: number, signal: AbortSignal | undefined): Promise<void> {
  if (round <= 1) return Promise.resolve()
  return sleep(Math.random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(round, 10)), signal)
}

/** Resolves when the time is over or the signal is aborted. */
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
