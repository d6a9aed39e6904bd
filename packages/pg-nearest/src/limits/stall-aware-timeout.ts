/** A server did not answer in time. */
export class SilentError extends Error {
  override readonly name = 'SilentError'
  readonly ms: number

  constructor(ms: number) {
    super(`it did not answer within ${ms} ms`)
    this.ms = ms
  }
}

/** Longest time for which nothing is read, and that counts all the same. */
const SLICE_MS = 100

/** Time in which this process could receive something. */
export interface StallAwareTimer {
  readonly leftMs: number
  stop(): void
}

/**
 * Calls back after `ms` milliseconds in which this process was not too busy to receive anything, and when what has arrived by then has been
 * read. `Infinity`: never.
 *
 * It waits in slices, and one that is late, because the process was busy, counts for no more than it should have taken. So it ends in a
 * process that is always busy, too.
 */
export function startStallAwareTimer(ms: number, onOver: () => void): StallAwareTimer {
  const sliceMs = Math.max(1, Math.min(SLICE_MS, ms / 4))
  let leftMs = ms
  let timer: NodeJS.Timeout | undefined
  let last: NodeJS.Immediate | undefined
  const wait = (): void => {
    timer = setTimeout(
      () => {
        leftMs -= sliceMs
        if (leftMs > 0) wait()
        // Node runs timers that are due before it reads what has arrived.
        else last = setImmediate(onOver)
      },
      Math.min(sliceMs, leftMs),
    )
  }
  if (ms !== Number.POSITIVE_INFINITY) wait()
  return {
    get leftMs() {
      return leftMs
    },
    stop() {
      clearTimeout(timer)
      clearImmediate(last)
    },
  }
}

/** Settles as the promise does, or rejects with a `SilentError` after `ms` milliseconds, as {@link startStallAwareTimer} counts them. */
export function withinTime<T>(promise: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = startStallAwareTimer(ms, () => reject(new SilentError(ms)))
    promise.then(resolve, reject).finally(timer.stop)
  })
}
