import type pg from 'pg'
import type { OwnSession } from '../execute/engine-interface.ts'
import { createFreshnessCheck } from '../freshness/create-freshness-check.ts'
import { isRegional, planRead } from '../route/plan-servers.ts'
import { needsNoGuardOn } from '../send/read-only-enforcement.ts'
import { factsOf } from '../statement/text-facts.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import { attemptsOnPrimary } from '../client-execution/run-unpinned.ts'
import { takeConnection } from '../client-execution/take-connection.ts'
import { placeStream } from '../client-transaction/read-only-transaction-failover.ts'
import { isCursor } from '../cursor/cursor-again.ts'
import { textOf } from '../cursor/text-of.ts'
import { sendSubmittable, type Submitted } from './send-submittable.ts'
import type { SubmittableLimit } from './submittable-limit.ts'
import type { SubmittableOptions } from './submittable-exchange.ts'

/** What it was submitted with. */
export interface SubmittedIn extends Pick<SubmittableOptions, 'types' | 'isGivenUp' | 'caller'> {
  /** The session that it was given in. */
  readonly own: OwnSession
  readonly limit: SubmittableLimit | undefined
  /** Its client's, and that of its limit. */
  readonly signal: AbortSignal | undefined
}

/**
 * Runs a cursor, a stream or a COPY on the held connection, otherwise on the primary; it is never tried on another server. Resolves
 * when it has been read to its end, has failed, or was closed; its own callbacks tell how.
 *
 * @throws the error that kept it from being sent.
 */
export async function runSubmittable(
  client: ClientContext,
  query: pg.Submittable,
  { own, signal, ...options }: SubmittedIn,
): Promise<void> {
  const { held, engine, scope } = client
  const regional = isRegional(scope.target)
  const text = textOf(query)
  const isFree = client.state.kind === 'free'
  const isPlaced = isFree ? regional && held.lease?.alive === true : held.lease !== undefined
  if (isPlaced) {
    await held.takeBack(signal)
  } else {
    const { topology, chooser } = engine
    const attempts = regional ? planRead(topology, scope.target, chooser) : attemptsOnPrimary(client)
    await takeConnection(client, text ?? '', attempts, () => ({ signal, timeoutMs: undefined }), { own })
    client.throwIfLost()
  }
  const submitted: Submitted = { query, text, need: needOf(text), ...options }
  const { need } = submitted
  await placeStream(client, need, own)
  const lease = held.here
  const guards = client.keepsFromWriting && !needsNoGuardOn(lease, text, held.open)
  // Behind a BEGIN nothing may be asked.
  const reads = need.class !== 'transaction' && (guards || lease.provenStandby || onlyReads(client, text, need))
  const check = createFreshnessCheck(engine, own, undefined, reads)
  await sendSubmittable(client, lease, submitted, { check, reads, guards })
}

/** Whether it may run wherever a read may: a cursor, or a stream of rows, outside of a transaction. */
export function readsAnywhere(client: ClientContext, query: pg.Submittable): boolean {
  const text = textOf(query)
  if (client.state.kind !== 'free' || client.begin !== undefined || !isCursor(query)) return false
  const need = needOf(text)
  // Where only is read, what a text cannot show is refused.
  return isRegional(client.scope.target) ? need.class === 'read' : onlyReads(client, text, need)
}

/** One whose text is not known may do anything but end a transaction. */
function needOf(text: string | undefined): StatementNeed {
  return text === undefined ? { class: 'session' } : factsOf(text).need
}

/** Whether it certainly writes nothing, as far as its text and its transaction say. */
function onlyReads(
  { state, engine }: ClientContext,
  text: string | undefined,
  { class: kind }: StatementNeed,
): boolean {
  if (text === undefined || kind !== 'read') return false
  // What its transaction has written is not known before COMMIT.
  if (state.kind === 'transaction' && !state.readOnly) return false
  return !factsOf(text).is('mayLeaveState') && !engine.statements.needOf(text).learned
}
