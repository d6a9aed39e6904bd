import type { ClientContext } from '../client-state/client-context.ts'
import type { QueuedStatement } from '../client-state/queued-statement.ts'
import { isKnownToWrite } from '../route/plan-statement.ts'

/**
 * Tells the guard of a statement that runs where it could write, before a connection is made for it. What the client chooses a server for,
 * and reads, is looked at when that is chosen: see `guardOnConnection`.
 *
 * @throws what the guard throws
 */
export function guardStatement(
  client: ClientContext,
  statement: QueuedStatement,
  guard: NonNullable<QueuedStatement['guard']>,
): void {
  const { state, begin, engine, scope } = client
  const { need } = statement
  // It undoes what was done, and must not be kept from it.
  if (need.transaction?.kind === 'rollback' || need.transaction?.readOnly === true || !client.mayWrite) return
  if (begin !== undefined) return guard({ writes: true })
  if (state.kind === 'free' && client.remembers(need)) return
  const writes = isKnownToWrite(engine, scope, statement.request)
  if (writes || state.kind !== 'free') guard({ writes })
}
