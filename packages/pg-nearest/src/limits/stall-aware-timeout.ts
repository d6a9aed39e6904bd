/** A server did not answer in time. */
export class SilentError extends Error {
  override readonly name = 'SilentError'
  readonly ms: number

  constructor(ms: number) {
    super(`it did not answer within ${ms} ms`)
    this.ms = ms
  }
}

/** If a timer is later than this, the process was too busy to read the server's answer. */
const LATE_MS = 50

/**
 * Settles as the promise does, or rejects with a `SilentError` after `ms` milliseconds. Time in which this process was too busy to
 * receive anything does not count.
 */
export function withinTime<T>(promise: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout
    const wait = (left: number): void => {
      const due = performance.now() + left
      timer = setTimeout(() => {
        const late = performance.now() - due
        if (late > LATE_MS) wait(Math.min(late, ms))
        else reject(new SilentError(ms))
      }, left)
    }
    wait(ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
