import type { Lease } from '../pooled-connection/lease.ts'
import { isKnownToWrite } from '../route/plan-statement.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import type { QueuedStatement } from '../client-state/queued-statement.ts'

/**
 * Tells the guard of a statement that reads, when its connection is known: it may turn out to be a primary's.
 *
 * @throws what the guard throws
 */
export function guardOnConnection(
  client: ClientContext,
  { guard, need, request }: Pick<QueuedStatement, 'guard' | 'need' | 'request'>,
  lease: Lease,
): void {
  if (guard === undefined || lease.provenStandby || client.keepsFromWriting) return
  if (need.transaction?.readOnly === true || client.remembers(need)) return
  guard({ writes: isKnownToWrite(client.engine, client.scope, request) })
}
