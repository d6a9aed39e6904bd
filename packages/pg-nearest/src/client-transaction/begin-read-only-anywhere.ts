import { createFreshnessCheck } from '../freshness/create-freshness-check.ts'
import { planStatement } from '../route/plan-statement.ts'
import type { Request } from '../route/request.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import { sentNow, type QueuedStatement, type Waiting } from '../client-state/queued-statement.ts'
import { heldServerFirst, runUnpinned } from '../client-execution/run-unpinned.ts'

export function readsOnly({ need }: Pick<QueuedStatement, 'need'>): boolean {
  return need.transaction?.standbyCanBegin === true
}

/**
 * Begins a transaction that only reads on the first server that can begin it. Its BEGIN has been answered before.
 *
 * @param statement - in whose session it is.
 * @param request - of the BEGIN.
 */
export async function beginAnywhere(
  client: ClientContext,
  statement: QueuedStatement,
  request: Request,
  waiting: Waiting,
): Promise<void> {
  const plan = planStatement(client.engine, client.scope, request)
  const check = createFreshnessCheck(client.engine, statement.own, request.consistency, true)
  const begun = sentNow(statement, { request, need: plan.need, check }, waiting)
  await runUnpinned(client, begun, true, heldServerFirst(client, plan, check))
  client.begin = undefined
}
