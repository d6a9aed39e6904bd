import { createFreshnessCheck } from '../freshness/create-freshness-check.ts'
import { planStatement } from '../route/plan-statement.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import { givenNow, type QueuedStatement } from '../client-state/queued-statement.ts'
import { heldServerFirst, runUnpinned } from '../client-execution/run-unpinned.ts'

export function readsOnly({ need }: Pick<QueuedStatement, 'need'>): boolean {
  return need.transaction?.standbyCanBegin === true
}

/** Begins a transaction that only reads on the first server that can begin it. Its BEGIN has been answered before. */
export async function beginAnywhere(client: ClientContext, begin: QueuedStatement): Promise<void> {
  const plan = planStatement(client.engine, client.scope, begin.request)
  const check = createFreshnessCheck(client.engine, begin.own, begin.request.consistency, true)
  const begun = givenNow(begin, { need: plan.need, check })
  await runUnpinned(client, begun, true, heldServerFirst(client, plan, check))
  client.begin = undefined
}
