import type { Lease } from '../monitor/server-connections.ts'
import { isConnectionLoss, isNotSent, isQueryTimeout } from '../server-failure.ts'

/** After this error the connection cannot be used again. */
export function isFatal(lease: Lease, error: unknown): boolean {
  if (!lease.alive) return true
  return error !== undefined && (isConnectionLoss(error) || isNotSent(error) || isQueryTimeout(error))
}
