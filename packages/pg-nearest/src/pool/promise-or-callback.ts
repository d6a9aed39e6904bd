import type { QueryCallback } from '../route/request.ts'

/** Hands a result to the callback, if one was given, else returns the promise: pg's two ways. */
export function promiseOrCallback<T>(result: Promise<T>, callback: QueryCallback | undefined): Promise<T> | undefined {
  if (callback === undefined) return result
  result.then(
    (value) => call(callback, undefined, value),
    (error: Error) => call(callback, error, undefined),
  )
  return undefined
}

/** As pg does: what it throws is nobody's but the process's. */
function call(callback: QueryCallback, error: Error | undefined, value: unknown): void {
  try {
    callback(error, value)
  } catch (thrown) {
    process.nextTick(() => {
      throw thrown
    })
  }
}
