import pg from 'pg'
import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { isErrorResponse } from '../driver-errors.ts'
import { isOutcomeUnknownError, NearestError } from '../errors.ts'
import { guardOn } from '../send/read-only-enforcement.ts'
import { mayLeaveTrace } from '../statement/may-leave-trace.ts'
import { factsOf } from '../statement/text-facts.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import { onAbort } from '../limits/on-abort.ts'
import type { Exchange, StatementEnd } from '../wire/exchange.ts'
import { isCursor } from '../cursor/cursor-again.ts'
import type { SubmittableLimit } from './submittable-limit.ts'
import { beginEffects } from './track-stream-position.ts'
import {
  SubmittableExchange,
  type SubmittableEnd,
  type SubmittableOptions,
  type SubmittableSender,
} from './submittable-exchange.ts'
import type { EarlyEnd } from './submittable-lifecycle.ts'
import { StatementExchange } from '../exchange/statement-exchange.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import { refuseCommit } from '../client-execution/permitted-text.ts'
import { loseConnection, unansweredError } from '../client-execution/lose-connection.ts'

/** What is submitted. */
export interface Submitted extends SubmittableOptions {
  readonly limit: SubmittableLimit | undefined
  readonly query: pg.Submittable
  /** `undefined`: nobody knows. */
  readonly text: string | undefined
  readonly need: StatementNeed
}

/** How it is sent this time. */
export interface SubmittableSending {
  readonly check: FreshnessCheck | undefined
  /** It certainly writes nothing. */
  readonly reads: boolean
  /** It is to be kept from writing. */
  readonly guards: boolean
}

/**
 * Sends a cursor, a stream or a COPY on the held connection. Resolves when it has ended, and client and session know. When the client's signal
 * is aborted, its connection is closed at once: nobody knows when it would be read to its end. By its own limit it is cancelled.
 */
export async function sendSubmittable(
  client: ClientContext,
  lease: Lease,
  { query, text, need, limit, ...options }: Submitted,
  { check, reads, guards }: SubmittableSending,
): Promise<SubmittableEnd> {
  limit?.signal.throwIfAborted()
  if (guards) refuseControl(text)
  refuseCommit(client, text)
  if (mayLeaveTrace(text, need)) lease.mark()
  client.completeness.next(need, text)
  const { open } = client.held
  const effects = check && beginEffects(check, lease, reads)
  const { signal } = client
  const abort = (): void => {
    // The server would go on with a slow statement, and keep its locks.
    void lease.cancel()
    lease.kill(signal?.reason)
  }
  const forget = signal && onAbort(signal, abort)
  const unanswered = { text: text ?? '', need, check, open, reads, guarded: guards }
  // In a transaction, which a cancelled statement would abort, the rest of it is waited for.
  const onDestroyed = (): unknown => open || lease.cancel()
  // In the same tick, because what was in flight shows only then.
  const lossError = (cause: unknown, sent: boolean): unknown => {
    if (sent) client.noteLost(lease, need)
    if (limit?.signal.aborted === true) return limit.signal.reason
    const loss = unansweredError(client, lease, { ...unanswered, sent, cause })
    if (isOutcomeUnknownError(loss)) return loss
    // It was cut off here, or the server itself has said why.
    return client.state.kind === 'lost' || isErrorResponse(cause) ? cause : loss
  }
  const end = await new Promise<SubmittableEnd>((resolve) => {
    const make = (onEnd: OnEnd): SubmittableExchange => {
      const ended: OnEnd = (told) => {
        // What comes behind it, such as its COMMIT, is not its time.
        forgetLimit?.()
        onEnd(told)
      }
      const exchange = new SubmittableExchange(query, lease.client, { onEnd: ended, onDestroyed, lossError }, options)
      const cut = (): void => {
        exchange.end(limitEnd(query, need, reads), limit?.signal.reason)
        void lease.cancel()
      }
      const forgetLimit = limit && onAbort(limit.signal, cut)
      limit?.sent(exchange)
      return exchange
    }
    lease.send(...(guards ? guarded(lease, make, resolve) : [make(resolve)]))
  })
  forget?.()
  if (end.kind === 'ended' && end.unsent === 'unsendable') client.noteUnsent()
  if (end.kind === 'ended' && end.error === undefined && end.unsent === undefined && lease.alive)
    client.engine.noteServed(lease)
  if (lease.alive) await lease.fence
  await effects?.(end)
  if (end.kind === 'untold') return end
  if (end.kind === 'lost') {
    loseConnection(client, lease, { ...unanswered, sent: end.written, cause: end.error })
  } else if (end.unsent === undefined || lease.status === 'E') {
    // Of a value that cannot be bound pg tells when it has sent the text, which may be wrong.
    client.settleStream({ config: { text: text ?? '' } }, need, lease.status !== 'I', end.error !== undefined)
  }
  return end
}

/** When its user is told that its limit is over: at once, if it only reads; a COPY, which tells as it ends, and what commits, if it is not done then. */
function limitEnd(query: pg.Submittable, need: StatementNeed, reads: boolean): EarlyEnd {
  const isCopy = !(query instanceof pg.Query) && !isCursor(query)
  if (reads && !isCopy) return 'limit'
  return isCopy || need.transaction?.kind === 'commit' ? 'limit-unless-done' : 'limit-once-ended'
}

type OnEnd = SubmittableSender['onEnd']

/**
 * Puts it into a READ ONLY transaction that cannot be made READ WRITE, without which it is not sent. `onEnd` is called when what is behind it has
 * ended, too: what is sent next must not find that.
 */
function guarded(lease: Lease, make: (onEnd: OnEnd) => SubmittableExchange, onEnd: OnEnd): Exchange[] {
  const { client } = lease
  const guard = guardOn(lease)
  const ahead = guard.ahead.map((text) => new StatementExchange({ text }, client, (end) => refuseFor(end)))
  let ended: SubmittableEnd | undefined
  const exchange = make(guard.behind === undefined ? onEnd : (end) => (ended = end))
  const refuseFor = (end: StatementEnd): void => {
    const error = refusalOf(end)
    if (error !== undefined) exchange.end('refused', error)
  }
  if (guard.behind === undefined) return [...ahead, exchange]
  // What its user was not told of is told otherwise, or runs elsewhere.
  const behind = new StatementExchange({ text: guard.behind }, client, (end) =>
    onEnd(ended?.kind === 'untold' ? ended : (lossOf(end) ?? (ended as SubmittableEnd))),
  )
  return [...ahead, exchange, behind]
}

/** Why the server has not done it, though the connection is well. */
function refusalOf(end: StatementEnd): unknown {
  return end.kind === 'answered' || end.kind === 'unsendable' ? end.error : undefined
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
