import { createFreshnessCheck } from '../freshness/create-freshness-check.ts'
import { planStatement } from '../route/plan-statement.ts'
import { abortedError } from './synthetic-results.ts'
import { runUnpinned, heldServerFirst } from '../client-connection/run-unpinned.ts'
import type { ClientContext } from '../client-connection/client-context.ts'
import { runPinnedOrLose } from '../client-connection/run-pinned.ts'
import type { QueuedStatement, Serving } from '../client-connection/queued-statement.ts'
import { readInTransaction } from './read-only-transaction.ts'

export function readsOnly({ need }: Pick<QueuedStatement, 'need'>): boolean {
  return need.transaction?.standbyCanBegin === true
}

/** Begins a transaction that only reads wherever it can be begun: its BEGIN has been answered, and not been sent. */
export async function beginAnywhere(client: ClientContext, begin: QueuedStatement): Promise<void> {
  const plan = planStatement(client.engine, client.scope, begin.request)
  const check = createFreshnessCheck(client.engine, begin.own, begin.request.consistency, true)
  await runUnpinned(client, { ...begin, check }, true, heldServerFirst(client, plan, check))
  client.begin = undefined
}

/** A statement behind such a BEGIN. */
export function runInTransaction(client: ClientContext, statement: QueuedStatement): Promise<Serving> {
  const { state } = client
  return state.kind === 'reading' ? readInTransaction(client, statement, state) : runPinnedOrLose(client, statement)
}

/** No primary could run a transaction that only reads: elsewhere, one statement after the other. */
export async function beginElsewhere(
  client: ClientContext,
  begin: QueuedStatement,
  members: readonly QueuedStatement[],
): Promise<Serving> {
  await beginAnywhere(client, begin)
  let first: Serving | undefined
  for (const member of members) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const serving = await runInTransaction(client, member).catch((error: unknown) => void member.fail(error))
    if (serving !== undefined) member.settle(serving)
    if (member === members[0]) first = serving
  }
  // It has been told already, so that nobody hears this.
  if (first === undefined) throw abortedError()
  return first
}
