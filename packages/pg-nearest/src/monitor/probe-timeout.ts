/** A server did not answer in time. */
export class SilentError extends Error {
  override readonly name = 'SilentError'
  readonly ms: number

  constructor(ms: number) {
    super(`it did not answer within ${ms} ms`)
    this.ms = ms
  }
}

/** A timer that is later than this tells of this process, and nothing of the server: its answer may lie there unread. */
const LATE_MS = 50

/**
 * As the promise, or rejects with a `SilentError` when nothing has come in time. The time in which this process was too busy
 * to listen does not count.
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
