import type { QueryCallback } from '../route/request.ts'

/** Hands a result to the callback, if one was given, else returns the promise: pg's two ways. */
export function promiseOrCallback<T>(result: Promise<T>, callback: QueryCallback | undefined): Promise<T> | undefined {
  if (callback === undefined) return result
  result.then(
    (value) => process.nextTick(callback, undefined, value),
    (error: Error) => process.nextTick(callback, error, undefined),
  )
  return undefined
}
