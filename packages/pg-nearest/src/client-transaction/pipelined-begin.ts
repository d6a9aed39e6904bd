import type pg from 'pg'
import type { Lease } from '../pooled-connection/lease.ts'
import { misledTo } from '../send/ask-role.ts'
import { evidenceOfLoss } from '../send/run-statement.ts'
import { runWithinAsync, unlessDone, type Cut } from '../send/run-with-cancellation.ts'
import { walk } from '../walk/walk.ts'
import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import { ReplicaBehindError } from '../session-positions/replica-behind-error.ts'
import { createFreshnessCheck } from '../freshness/create-freshness-check.ts'
import { provesWrite, type Evidence } from '../route/failure-meaning.ts'
import { mayLeaveTrace } from '../statement/may-leave-trace.ts'
import { mayAskAfter } from '../statement/may-ask-position.ts'
import { textOn } from '../wire/pg-internals.ts'
import type { StatementEnd } from '../wire/exchange.ts'
import { isNoServerError } from '../errors.ts'
import { readsOnly } from './begin-read-only-anywhere.ts'
import { beginElsewhere } from './read-only-transaction-failover.ts'
import { abortedError, emptyResult } from './synthetic-results.ts'
import { attemptsOnPrimary } from '../client-execution/run-unpinned.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import { nextClientState } from '../client-state/client-state-machine.ts'
import { abandonTransactionOnStandby, giveUpOnStandby } from '../client-execution/abandon-transaction-on-standby.ts'
import { borrowedClientExecution } from '../client-execution/connection-keeping-execution.ts'
import { mayJoinBegin } from './pipelining-eligibility.ts'
import { limitsOf, type QueuedStatement, type Serving } from '../client-state/queued-statement.ts'
import { sendBeginGroup } from './send-begin-group.ts'

/** Removes the next statement from the client's queue, if the predicate accepts it. */
type TakeNext = (wanted: (statement: QueuedStatement) => boolean) => QueuedStatement | undefined

interface Opened {
  readonly ends: readonly StatementEnd[]
  readonly open: boolean
  readonly server: string
}

/**
 * Sends a BEGIN that has been answered already, the first statement, and those given behind it without waiting, as one group: if the
 * BEGIN fails, the server skips the rest. Returns the first statement's outcome; the others are settled by their own callbacks.
 *
 * @throws the first statement's error, or what `walk` throws.
 */
export async function openTransaction(
  client: ClientContext,
  begin: QueuedStatement,
  first: QueuedStatement,
  takeNext: TakeNext,
): Promise<Serving> {
  const members: QueuedStatement[] = [first]
  const check = createFreshnessCheck(client.engine, first.own, undefined, false)
  let opened: Opened
  let cut = false
  try {
    opened = await walk(executionOf(client, begin, members, check, takeNext, () => (cut = true)))
    const [begun] = opened.ends
    if (begun?.kind !== 'result') throw begun === undefined || begun.kind === 'skipped' ? abortedError() : begun.error
    check?.emitLosses()
  } catch (error) {
    check?.emitLosses()
    try {
      if (readsOnly(begin) && isNoServerError(error)) return await beginElsewhere(client, begin, members)
      throw error
    } catch (final) {
      if (members.some(commits)) {
        if (!isReadOnly(begin, members)) check?.markUnknown()
        if (cut) {
          // A COMMIT that the server has skipped.
          if (client.held.open) await client.held.rollBack()
          client.begin = undefined
        }
      }
      // Has no effect on those that are settled already.
      for (const each of members.slice(1)) each.fail(final)
      throw final
    }
  }
  client.begin = undefined
  const ends = opened.ends.slice(1)
  const finals = await finish(client, members, ends)
  const { request, need } = begin
  client.become(nextClientState(client.state, { request, need, open: true, standby: false, failed: false }))
  const { open } = client.held
  const last = members.length - 1
  // All but the last have ended while the transaction was open.
  for (const [i, member] of members.entries()) client.settle(member, open || i < last, ends[i]?.kind !== 'result')
  return answerAll(client, members, finals, opened.server)
}

function executionOf(
  client: ClientContext,
  begin: QueuedStatement,
  members: QueuedStatement[],
  check: FreshnessCheck | undefined,
  takeNext: TakeNext,
  onCut: () => void,
) {
  const [first] = members as [QueuedStatement]
  let mayMove = !readsOnly(begin)
  const misplaced = (lease: Lease, ends: readonly StatementEnd[]): Evidence | undefined => {
    if (!mayMove) return undefined
    const evidence = evidenceOfStandby(client, lease, begin, members, ends)
    mayMove = evidence === undefined
    return evidence
  }
  return borrowedClientExecution<readonly StatementEnd[], Opened>(client, {
    facts: {
      reads: false,
      readOnly: client.scope.readOnly,
      // A transaction has no effect until its COMMIT is sent.
      get harmless() {
        return !members.some(commits) || isReadOnly(begin, members)
      },
      get mayCommitInside() {
        return members.some(({ need }) => need.mayCommitInside === true)
      },
    },
    text: first.request.config.text,
    signal: first.signal,
    attempts: attemptsOnPrimary(client),
    check,
    // What only reads can begin elsewhere instead.
    mayWait: !readsOnly(begin),
    learns: false,
    run: async (lease) => {
      if (lease.pipelines) await gather(client, members, takeNext)
      const end = await send(client, lease, begin, members, check, misplaced)
      if (end.kind === 'cut') onCut()
      return end
    },
    succeeded: (ends, { server }) => ({ ends, server, open: client.held.open }),
  })
}

/** Adds the statements that were given in the same tick, up to a COMMIT. */
async function gather(client: ClientContext, members: QueuedStatement[], takeNext: TakeNext): Promise<void> {
  await nextTurn()
  let last = members.at(-1)
  while (last !== undefined && !commits(last)) {
    last = takeNext((next) => joins(next) && !(commits(next) && client.refusesCommit))
    if (last !== undefined) members.push(last)
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve)
  })
}

/** `isMisled`: as of {@link sendBeginGroup}. */
type GroupEnd = { readonly kind: 'result'; readonly result: readonly StatementEnd[]; readonly isMisled: boolean }

async function send(
  client: ClientContext,
  lease: Lease,
  begin: QueuedStatement,
  members: readonly QueuedStatement[],
  check: FreshnessCheck | undefined,
  misplaced: (lease: Lease, ends: readonly StatementEnd[]) => Evidence | undefined,
): Promise<GroupEnd | Evidence | Cut> {
  if (members.some(({ request, need }) => mayLeaveTrace(request.config.text, need))) lease.mark()
  const configs = [begin, ...members].map(({ request }): pg.QueryConfig => request.config)
  const asksBehind = (): boolean =>
    members.some(({ request, need }) => mayAskAfter(textOn(lease.client, request.config), need))
  const questions = check?.begin(lease, 'trust', !members.some(commits), asksBehind)
  if (questions instanceof ReplicaBehindError) return { kind: 'behind', error: questions }
  const [first] = members as [QueuedStatement]
  const mayWrite = members.some(commits) ? () => check?.beginUnsettled() ?? ignore : undefined
  const asksRole = check?.mayBeMisled(lease, 'prove') === true
  const guarded = client.keepsFromWriting
  const skipsCommit = client.allOrNothing && members.some(commits)
  const ended = await runWithinAsync<GroupEnd | Evidence>(
    lease,
    limitsOf(first),
    (onEnd) =>
      sendBeginGroup(lease, configs, { questions, asksRole, guarded, skipsCommit }, (ends, isMisled) => {
        const lost = ends.find(({ kind }) => kind === 'lost' || kind === 'unsent')
        if (lost !== undefined && lost.kind !== 'result' && lost.kind !== 'skipped')
          onEnd(lost.kind === 'lost' ? evidenceOfLoss(lost.error) : { kind: lost.kind, error: lost.error })
        else onEnd({ kind: 'result', result: ends, isMisled })
      }),
    mayWrite,
  )
  const end = unlessDone(
    ended,
    (heard) => heard.kind === 'result' && !heard.isMisled && isCommitted(members, heard.result),
  )
  if (end.kind === 'cut') for (const member of members) member.fail(end.error)
  await lease.fence
  if (end.kind !== 'result') return end
  if (end.isMisled) return giveUpMisled(client, lease, begin)
  if (end.result.some(({ kind }) => kind === 'unsendable')) client.noteUnsent()
  // Whoever had the connection before may have left it READ ONLY.
  if (!guarded && begin.need.transaction?.readOnly !== true && end.result.some(isWriteRefused)) lease.doom()
  const evidence = misplaced(lease, end.result)
  if (evidence !== undefined) return evidence
  const outcome = end.result.at(-1)?.kind === 'result' ? 'answered' : 'refused'
  check?.end(lease, { trust: 'trust', questions, mayHaveWritten: false, outcome })
  return end
}

/**
 * The server turned out to be a standby, by its connection's report or by its refusal of a write; `undefined` if it did not, or if the
 * transaction is committed.
 */
function evidenceOfStandby(
  client: ClientContext,
  lease: Lease,
  begin: QueuedStatement,
  members: readonly QueuedStatement[],
  ends: readonly StatementEnd[],
): Evidence | undefined {
  if (isCommitted(members, ends)) return undefined
  const evidence = abandonTransactionOnStandby(client, lease)
  if (evidence !== undefined || client.engine.alone || begin.need.transaction?.readOnly === true) return evidence
  // Behind a pooler no connection tells.
  const refused = ends.find(isWriteRefused)
  if (refused === undefined) return undefined
  client.held.letGo(true)
  return refused
}

/** Even a COMMIT there wrote nothing. What only reads begins wherever that can be read. */
function giveUpMisled(client: ClientContext, lease: Lease, begin: QueuedStatement): Evidence {
  const evidence = giveUpOnStandby(client, lease)
  return readsOnly(begin) ? misledTo(lease) : evidence
}

function isCommitted(members: readonly QueuedStatement[], ends: readonly StatementEnd[]): boolean {
  return members.some(commits) && ends.at(-1)?.kind === 'result'
}

type Answered = Extract<StatementEnd, { readonly kind: 'answered' }>

function isWriteRefused(end: StatementEnd): end is Answered {
  return end.kind === 'answered' && provesWrite(end.error)
}

/** What one caller gets. */
type Final = { readonly result: pg.QueryResult } | { readonly error: unknown }

/**
 * If a statement failed, the COMMIT behind it was skipped: this rolls back, and answers the COMMIT with `ROLLBACK`, as PostgreSQL
 * does.
 */
async function finish(
  client: ClientContext,
  members: readonly QueuedStatement[],
  ends: readonly StatementEnd[],
): Promise<readonly Final[]> {
  const last = members.at(-1)
  if (last !== undefined && commits(last) && ends.at(-1)?.kind === 'skipped') await client.held.rollBack()
  return members.map((member, i): Final => {
    const end = ends[i]
    if (end?.kind === 'result') return { result: end.result as pg.QueryResult }
    if (end !== undefined && end.kind !== 'skipped') return { error: end.error }
    return commits(member) ? { result: emptyResult('ROLLBACK') } : { error: abortedError() }
  })
}

/** Settles all of them in order, each in a turn of its own, and returns the first one's outcome. */
async function answerAll(
  client: ClientContext,
  members: readonly QueuedStatement[],
  finals: readonly Final[],
  server: string,
): Promise<Serving> {
  const servedBy = client.servedBy(server, 'primary', 'transaction', 1)
  for (const [i, member] of members.entries()) {
    const final = finals[i]
    if (final === undefined) continue
    if ('result' in final) member.settle({ result: final.result, servedBy })
    else member.fail(final.error)
    // oxlint-disable-next-line no-await-in-loop -- whoever awaits this one hears of it before the next one's callback is called
    if (i < members.length - 1) await nextTurn()
  }
  const [first] = finals
  if (first === undefined || 'error' in first) throw first?.error
  return { result: first.result, servedBy }
}

function isReadOnly({ need }: QueuedStatement, members: readonly QueuedStatement[]): boolean {
  const reads = members.every((member) => member.need.class === 'read' || commits(member))
  return need.transaction?.readOnly === true && reads
}

function commits({ need }: QueuedStatement): boolean {
  return need.transaction?.kind === 'commit'
}

function joins({ request, need }: QueuedStatement): boolean {
  return mayJoinBegin(request, need) && need.transaction?.kind !== 'rollback'
}

function ignore(): void {}
