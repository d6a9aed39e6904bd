import type pg from 'pg'
import { createFreshnessCheck } from '../freshness/create-freshness-check.ts'
import { isRegional, planRead } from '../route/plan-servers.ts'
import { NearestError } from '../errors.ts'
import { RELOCK, SNAPSHOT } from '../send/read-only-enforcement.ts'
import type { OwnSession } from '../execute/engine.ts'
import { factsOf } from '../statement/text-facts.ts'
import type { StatementNeed } from '../classification/statement-class.ts'
import { onAbort } from '../limits/on-abort.ts'
import type { Exchange, StatementEnd } from '../wire/exchange.ts'
import { beginEffects } from './stream-effects.ts'
import { SubmittableExchange, textOf, type SubmittableEnd, type SubmittableOptions } from './submittable-exchange.ts'
import { StatementExchange } from '../exchange/statement-exchange.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import { loseConnection } from '../client-state/lose-connection.ts'
import { attemptsOnPrimary } from '../client-execution/run-unpinned.ts'
import { takeConnection } from '../client-execution/take-connection.ts'
import { placeStream } from '../client-transaction/run-in-transaction.ts'

/** What it was submitted with. */
export interface SubmittedIn extends Omit<SubmittableOptions, 'onDestroyed'> {
  /** The session that it was given in. */
  readonly own: OwnSession
}

/**
 * Runs a cursor, a stream or a COPY on the held connection, otherwise on the primary; it is never tried on another server. Resolves
 * when it has been read to its end, has failed, or was closed; its own callbacks tell how. When the client's signal is aborted, its
 * connection is closed at once: nobody knows when it would be read to its end.
 *
 * @throws the error that kept it from being sent.
 */
export async function runSubmittable(
  client: ClientContext,
  query: pg.Submittable,
  { types, isGivenUp, own, caller }: SubmittedIn,
): Promise<void> {
  const { held, engine, scope } = client
  const regional = isRegional(scope.target)
  const text = textOf(query)
  const isFree = client.state.kind === 'free'
  const isPlaced = isFree ? regional && held.lease?.alive === true : held.lease !== undefined
  if (!isPlaced) {
    const { topology, chooser } = engine
    const attempts = regional ? planRead(topology, scope.target, chooser) : attemptsOnPrimary(client)
    await takeConnection(client, text ?? '', attempts, client.signal)
    client.throwIfLost()
  }
  const need = needOf(text)
  await placeStream(client, need)
  const lease = held.here
  const open = held.open
  const guards = client.keepsFromWriting && !lease.provenStandby
  if (guards) refuseControl(text)
  // Behind a BEGIN nothing may be asked.
  const reads = need.class !== 'transaction' && (guards || lease.provenStandby || onlyReads(client, text, need))
  const check = createFreshnessCheck(engine, own, undefined, reads)
  const effects = check && beginEffects(check, lease, reads)
  const { signal } = client
  const abort = (): void => {
    // The server would go on with a slow statement, and keep its locks.
    void lease.cancel()
    lease.kill(signal?.reason)
  }
  // In a transaction, which a cancelled statement would abort, the rest of it is waited for.
  const onDestroyed = (): unknown => open || lease.cancel()
  const forget = signal && onAbort(signal, abort)
  const end = await new Promise<SubmittableEnd>((resolve) => {
    const make = (onEnd: OnEnd): SubmittableExchange =>
      new SubmittableExchange(query, lease.client, onEnd, { types, isGivenUp, caller, onDestroyed })
    lease.send(...(guards ? guarded(lease.client, open, make, resolve) : [make(resolve)]))
  })
  forget?.()
  if (lease.alive) await lease.fence
  await effects?.(end)
  if (end.kind === 'lost') {
    const { error: cause, written: sent } = end
    if (sent) client.noteLost(lease, need)
    loseConnection(client, lease, { text: text ?? '', need, check, open, sent, cause })
    return
  }
  client.settleStream({ config: { text: text ?? '' } }, need, lease.status !== 'I', end.error !== undefined)
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

type OnEnd = (end: SubmittableEnd) => void

/**
 * Puts it into a READ ONLY transaction that cannot be made READ WRITE. `onEnd` is called when that has ended, too, if it is not the
 * caller's: what is sent behind it must not take it for open.
 */
function guarded(
  client: pg.Client,
  inTransaction: boolean,
  make: (onEnd: OnEnd) => SubmittableExchange,
  onEnd: OnEnd,
): Exchange[] {
  const plain = (text: string, ended: (end: StatementEnd) => void = ignore): Exchange =>
    new StatementExchange({ text }, client, ended)
  if (inTransaction) return [...RELOCK.map((text) => plain(text)), make(onEnd)]
  let ended: SubmittableEnd | undefined
  const commit = plain('COMMIT', (end) => onEnd(lossOf(end) ?? (ended as SubmittableEnd)))
  return [plain('BEGIN READ ONLY'), plain(SNAPSHOT), make((end) => (ended = end)), commit]
}

function lossOf(end: StatementEnd): SubmittableEnd | undefined {
  if (end.kind !== 'lost' && end.kind !== 'unsent') return undefined
  return { kind: 'lost', error: end.error, written: end.kind === 'lost' }
}

/** A COPY is sent by the simple protocol, so its text could contain a COMMIT with a write behind it. */
function refuseControl(text: string | undefined): void {
  if (text === undefined) return
  const facts = factsOf(text)
  if (facts.is('single') ? facts.need.class !== 'transaction' : !facts.is('mayControlTransaction')) return
  throw new NearestError(
    'NEAREST_READ_ONLY',
    'A cursor, a stream or a COPY on a read-only handle takes one statement that reads: give BEGIN, COMMIT and the like to query().',
  )
}

function ignore(): void {}
