import type { Lease } from '../monitor/server-connections.ts'

/** Stops waiting for a connection when the signal is aborted; the connection, once had, goes back unused. */
export function abandonable(borrow: () => Promise<Lease>, signal: AbortSignal): Promise<Lease> {
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    borrow()
      .then((lease) => (signal.aborted ? lease.release() : resolve(lease)), reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
  })
}
