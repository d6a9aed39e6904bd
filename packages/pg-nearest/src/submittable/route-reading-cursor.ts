import type pg from 'pg'
import { createFreshnessCheck } from '../freshness/create-freshness-check.ts'
import { trusts } from '../freshness/statement-ending.ts'
import { positionBefore } from '../freshness/caught-up-with-primary.ts'
import { isRegional } from '../route/plan-servers.ts'
import { planStatement } from '../route/plan-statement.ts'
import type { Request } from '../route/request.ts'
import { misledTo } from '../send/ask-role.ts'
import { proveAhead } from '../send/prove-ahead.ts'
import { needsNoGuardOn } from '../send/read-only-enforcement.ts'
import { evidenceOfAnswer } from '../send/run-statement.ts'
import { walk } from '../walk/walk.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import { guardOnConnection } from '../client-execution/guard-on-connection.ts'
import type { QueuedStatement } from '../client-state/queued-statement.ts'
import { borrowedClientExecution } from '../client-execution/connection-keeping-execution.ts'
import { heldServerFirst, planReading } from '../client-execution/run-unpinned.ts'
import { textOf } from '../cursor/text-of.ts'
import { sendSubmittable, type Submitted } from './send-submittable.ts'
import type { SubmittedIn } from './run-submittable.ts'

/** What a cursor that only reads was submitted with. */
export interface ReadingIn extends SubmittedIn, Pick<QueuedStatement, 'guard'>, Pick<Request, 'consistency'> {}

/**
 * Runs a cursor that only reads where a read runs: on the nearest server that shows what its session must see, which proves that ahead of it.
 * What fails there before the first row is tried on the next server; from then on its errors are its user's. Resolves when it has ended; its
 * own callbacks tell how.
 *
 * @throws what it has not been told.
 */
export async function readByCursor(
  client: ClientContext,
  query: pg.Submittable,
  { own, guard, consistency, signal, ...options }: ReadingIn,
): Promise<void> {
  const { engine, scope } = client
  const text = textOf(query) ?? ''
  const request: Request = { config: { text }, consistency }
  const { need, attempts } = planStatement(engine, scope, request)
  const planning = planReading(client, { need, request, own }, createFreshnessCheck(engine, own, consistency, true))
  let submitted: Submitted = { query, text, need, ...options }
  let isTold = false
  const execution = borrowedClientExecution<undefined, void>(client, {
    facts: {
      reads: true,
      readOnly: scope.readOnly,
      regional: isRegional(scope.target),
      harmless: false,
      mayCommitInside: false,
    },
    text,
    signal,
    attempts: heldServerFirst(client, { attempts, reads: true }, planning.check()),
    learns: true,
    planning,
    run: async (lease, attempt, forced) => {
      if (!forced) guardOnConnection(client, { guard, need, request }, lease)
      const check = planning.check()
      const failed = check && (await proveAhead(check, lease, attempt, signal))
      if (failed !== undefined) return failed
      if (signal?.aborted === true) return { kind: 'cut', error: signal.reason }
      const before = lease.standby ? positionBefore(engine, lease) : undefined
      const guards = forced || (client.keepsFromWriting && !needsNoGuardOn(lease, text, client.held.open))
      // On a primary its error is its own.
      const takesBack = lease.provenStandby
      const asksRole = check?.mayBeMisled(lease, trusts(attempt)) === true
      const sent = { ...submitted, takesBack, asksRole }
      const end = await sendSubmittable(client, lease, sent, { check, reads: true, guards })
      if (end.kind === 'untold') {
        // It was cut off here, which says nothing about the server.
        if (client.state.kind === 'lost') return { kind: 'cut', error: client.state.error }
        const { as, error, isGivenUp } = end
        submitted = { ...submitted, isGivenUp }
        if (as === 'misled') return misledTo(lease, check)
        return as === 'answered' ? evidenceOfAnswer(lease, error, engine, before) : { kind: as, error }
      }
      if (end.error === undefined) return { kind: 'result', result: undefined }
      isTold = true
      return { kind: 'cut', error: end.error }
    },
    waitToCatchUp: async (behind) => (await planning.check()?.waitToCatchUp(behind)) ?? false,
    succeeded: (_result, { reason }) => {
      if (reason === 'schema-lag' || reason === 'lagging') client.holdForNow()
    },
  })
  try {
    await walk(execution)
  } catch (error) {
    if (!isTold) throw error
  }
}
