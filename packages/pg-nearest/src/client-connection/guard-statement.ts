import type { Lease } from '../pooled-connection/lease.ts'
import { planStatement } from '../route/plan-statement.ts'
import type { WriteGuard } from '../write-guard/write-guard.ts'
import type { ClientContext } from './client-context.ts'
import type { QueuedStatement } from './queued-statement.ts'

/**
 * Tells the guard of a statement that runs where it could write, before a connection is made for it. What the client chooses a server for,
 * and reads, is looked at when that is chosen: see {@link guardOnConnection}.
 *
 * @throws what the guard throws
 */
export function guardStatement(client: ClientContext, statement: QueuedStatement, guard: WriteGuard): void {
  const { state, begin } = client
  const { need } = statement
  // It undoes what was done, and must not be kept from it.
  if (need.transaction?.kind === 'rollback' || need.transaction?.readOnly === true || !client.mayWrite) return
  if (begin !== undefined) return guard({ writes: true })
  const writes = isKnownToWrite(client, statement)
  if (writes || state.kind !== 'free') guard({ writes })
}

/** The same for what reads, on a connection that may turn out to be a primary's. */
export function guardOnConnection(client: ClientContext, statement: QueuedStatement, lease: Lease): void {
  if (statement.guard === undefined || lease.provenStandby || client.keepsFromWriting) return
  if (statement.need.transaction?.readOnly === true) return
  statement.guard({ writes: isKnownToWrite(client, statement) })
}

/** By its text, or because a standby has refused it. */
function isKnownToWrite({ engine, scope }: ClientContext, { request }: QueuedStatement): boolean {
  return request.route === 'primary' || scope.target.kind === 'primary' || !planStatement(engine, scope, request).reads
}
