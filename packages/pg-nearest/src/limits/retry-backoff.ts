import { onAbort } from './on-abort.ts'

/** Milliseconds. */
interface Backoff {
  readonly first: number
  readonly longest: number
}

const ROUNDS: Backoff = { first: 10, longest: 250 }

/**
 * Milliseconds to wait after so many failures: a random time up to a limit that doubles ("full jitter"), so that what failed together
 * does not fail together again.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMs({ first, longest }: Backoff, failures: number, random: () => number): number {
  return random() * Math.min(longest, first * 2 ** (failures - 1))
}

/** Waits before each round but the first. Resolves early when the signal is aborted. */
export function pause(round: number, signal: AbortSignal | undefined): Promise<void> {
  return round <= 1 ? Promise.resolve() : sleep(backoffMs(ROUNDS, round, Math.random), signal)
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
