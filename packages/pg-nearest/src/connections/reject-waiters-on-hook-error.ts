import type { HookError } from '../connecting/connect-hooks.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { NoConnectionError } from './no-connection-error.ts'
import type { WaitQueue } from '../checkout/wait-queue.ts'

/**
 * The user's hook has failed: the connection was made for the first who waits. If it did not end in time, all who have waited as long as
 * that are refused, because one after the other they would wait for ever.
 *
 * @param wantedAt - when the connection began, or was taken if it was made ahead; by `performance.now()`
 */
export function rejectWaitersOnHookError(queue: WaitQueue<Lease>, { cause, late }: HookError, wantedAt: number): void {
  const refusal = new NoConnectionError('hook', cause)
  if (!late) return queue.first?.refuse(refusal)
  for (const waiter of queue) if (waiter.since <= wantedAt) waiter.refuse(refusal)
}
