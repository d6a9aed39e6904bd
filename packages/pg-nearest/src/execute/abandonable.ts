import type { Lease } from '../monitor/server-connections.ts'

/** Stops waiting for a connection when the signal is aborted; the connection, once had, goes back unused. */
export function abandonable(borrowing: Promise<Lease>, signal: AbortSignal): Promise<Lease> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    borrowing
      .then((lease) => {
        if (!signal.aborted) return resolve(lease)
        lease.release()
        reject(signal.reason)
      }, reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
  })
}
