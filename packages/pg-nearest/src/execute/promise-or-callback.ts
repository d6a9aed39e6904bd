import type { QueryCallback } from '../route/request.ts'

/** Returns the promise, or calls back if a callback was given, as pg does. */
export function promiseOrCallback<T>(result: Promise<T>, callback: QueryCallback | undefined): Promise<T> | undefined {
  if (callback === undefined) return result
  result.then(
    (value) => call(callback, undefined, value),
    (error: Error) => call(callback, error, undefined),
  )
  return undefined
}

/** An error that the callback throws becomes an uncaught exception, as in pg. */
export function call(callback: QueryCallback, error: Error | undefined, value: unknown): void {
  try {
    callback(error, value)
  } catch (thrown) {
    process.nextTick(() => {
      throw thrown
    })
  }
}
