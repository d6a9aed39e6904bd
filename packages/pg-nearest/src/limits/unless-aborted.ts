import { onAbort } from './on-abort.ts'

/** Settles as the promise does, or rejects with the signal's reason if it is aborted first. Leaves no listener behind. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    const forget = signal.aborted ? undefined : onAbort(signal, abort)
    promise.then(resolve, reject).finally(() => forget?.())
  })
}
