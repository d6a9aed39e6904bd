import type { Lease } from '../pooled-connection/lease.ts'
import { isLag, isTooLateToSet, meaningInReading } from '../route/failure-meaning.ts'
import { isRegional, planPrimary, type Attempt } from '../route/plan-servers.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import { namesTransactionMode } from '../classification/transaction-text-predicates.ts'
import { factsOf } from '../statement/text-facts.ts'
import type { StatementEnd } from '../wire/exchange.ts'
import { runWithinAsync, type RunLimits } from '../send/run-with-cancellation.ts'
import { SNAPSHOT } from '../send/read-only-enforcement.ts'
import { StatementExchange } from '../exchange/statement-exchange.ts'
import { beginAnywhere } from './begin-read-only-anywhere.ts'
import { abortedError, emptyResult } from './synthetic-results.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import {
  lostTransactionError,
  notBegunError,
  notHereError,
  staysReadOnlyError,
} from '../failures/transaction-errors.ts'
import type { Request } from '../route/request.ts'
import { CHAIN, FREE, type Reading } from '../client-state/client-state-machine.ts'
import { takeConnection } from '../client-execution/take-connection.ts'
import { runPinned, runPinnedOrLose, servingOrLose } from '../client-execution/run-pinned.ts'
import { limitsOf, type QueuedStatement, type Serving } from '../client-state/queued-statement.ts'
import { isValueTooLong } from '../result-value-too-long.ts'

/** Runs a statement in a transaction that has been begun. */
export function runInTransaction(client: ClientContext, statement: QueuedStatement): Promise<Serving> {
  const { state } = client
  return state.kind === 'reading' ? readInTransaction(client, statement, state) : runPinnedOrLose(client, statement)
}

/**
 * Runs a statement in a read-only transaction on a standby. If only the primary can answer it, the transaction moves there; if its
 * connection is lost, it begins again on any server, once for each statement.
 */
export async function readInTransaction(
  client: ClientContext,
  statement: QueuedStatement,
  state: Reading,
): Promise<Serving> {
  const { need } = statement
  if (state.failed && need.transaction?.kind === 'chain' && losesReadOnly(state) && !client.neverWrites)
    return chainOnPrimary(client, statement)
  if (state.failed || isRegional(client.scope.target) || showsTransaction(statement))
    return runPinnedOrLose(client, statement)
  if (state.keeps !== 'nothing') return readWhereItIs(client, statement)
  if (!isOfPrimary(need)) {
    const lease = client.held.here
    const { restricted } = client
    const ended = await runPinned(client, statement)
    if (ended.kind === 'serving') return ended.serving
    // What may have ended the transaction has its end here.
    const isOver = need.mayCommitInside === true
    // It would be answered the same anywhere.
    const isSettled = isOver || isValueTooLong(ended.error)
    if (ended.kind === 'lost' && isSettled) return servingOrLose(client, statement, { lease, open: true }, ended)
    if (ended.cut) {
      if (ended.kind === 'lost') client.lose(ended.error)
      throw ended.error
    }
    if (ended.kind === 'lost') {
      const { server, generation } = lease
      client.engine.report({ server, generation, sign: 'lost', error: ended.error })
      client.held.letGo(true)
      await beginAgain(client, statement, state)
      return runPinnedOrLose(client, statement)
    }
    if (restricted && asksToWrite(statement) && isTooLateToSet(ended.error))
      throw staysReadOnlyError(lease.server, ended.error)
    if (isOver || meaningInReading(ended.evidence) === 'fail') throw ended.error
    if (isLag(ended.error)) return askPrimary(client, statement, state, ended.error)
  }
  await moveToPrimary(client, statement, state)
  return runPinnedOrLose(client, statement)
}

/** The same for a cursor, a stream or a COPY, which moves ahead of being sent or not at all: nobody else can send it again. */
export async function placeStream(
  client: ClientContext,
  need: StatementNeed,
  own: QueuedStatement['own'],
): Promise<void> {
  const { state } = client
  if (state.kind !== 'reading' || state.failed || isRegional(client.scope.target)) return
  if (!isOfPrimary(need)) return
  const { signal } = client
  const { queryTimeoutMs } = client.engine
  if (state.keeps === 'nothing')
    await moveToPrimary(client, { signal, queryTimeoutMs, givenAt: performance.now(), own }, state)
  else if (need.class !== 'write') throw notHereError(client.held.here.server)
}

/** What only touches settings, until its end, does so wherever the transaction is. */
function isOfPrimary(need: StatementNeed): boolean {
  return need.class !== 'read' && need.class !== 'transaction' && need.session !== 'local'
}

/** A replica may lack what the primary has: if that cannot be asked, the replica's error stands, and the transaction has failed. */
async function askPrimary(
  client: ClientContext,
  statement: QueuedStatement,
  state: Reading,
  said: unknown,
): Promise<Serving> {
  if (!client.engine.budget.withdraw('lag')) throw said
  try {
    await moveToPrimary(client, statement, state, false)
  } catch (error) {
    throw statement.signal?.aborted === true ? error : said
  }
  client.holdForNow()
  const serving = await runPinnedOrLose(client, statement)
  client.engine.budget.refund('lag')
  return serving
}

async function beginAgain(
  client: ClientContext,
  statement: QueuedStatement,
  { begin, snapshotPerStatement, modes, locals, queried }: Reading,
): Promise<void> {
  client.become(FREE)
  try {
    await beginAnywhere(client, statement, begin, statement)
    await setAgain(client, limitsOf(statement), { modes, locals, queried })
    if (client.state.kind === 'reading')
      client.become({ ...client.state, snapshotPerStatement, modes, locals, queried })
  } catch (error) {
    client.lose(lostTransactionError())
    throw error
  }
}

/** Need not run on the primary: it shows a setting of this transaction. */
function showsTransaction({ request: { config } }: QueuedStatement): boolean {
  return typeof config.text === 'string' && factsOf(config.text).is('showsTransaction')
}

/** It may be SET TRANSACTION READ WRITE. */
function asksToWrite(statement: QueuedStatement): boolean {
  const { text } = statement.request.config
  return (typeof text === 'string' && factsOf(text).is('asksForReadWrite')) || maySetMode(statement)
}

/** It may set the transaction's mode by its name. */
function maySetMode({ request: { config } }: QueuedStatement): boolean {
  const { text, values = [] } = config
  if (typeof text === 'string' && factsOf(text).is('maySetTransactionMode')) return true
  return values.some((value) => typeof value === 'string' && namesTransactionMode(value))
}

/** For a transaction whose snapshot or savepoint would be lost by moving. */
async function readWhereItIs(client: ClientContext, statement: QueuedStatement): Promise<Serving> {
  const lease = client.held.here
  const { server } = lease
  const { open } = client.held
  if (statement.need.class === 'session' && isOfPrimary(statement.need)) throw notHereError(server)
  const ended = await runPinned(client, statement)
  if (asksToWrite(statement) && ended.kind === 'refused' && !ended.cut && meaningInReading(ended.evidence) !== 'fail')
    throw notHereError(server, ended.error)
  const serving = servingOrLose(client, statement, { lease, open }, ended)
  // The standby has run it, so it does not write; but its answer should have been the primary's.
  if (isOfPrimary(statement.need)) throw notHereError(server)
  return serving
}

/**
 * A failure undoes READ ONLY, unless that was chained to the transaction, or the failure was behind a savepoint, which there may be where
 * it keeps its chain.
 */
function losesReadOnly({ keeps, modes }: Reading): boolean {
  return keeps !== 'chain' && !modes.includes(CHAIN)
}

/** With AND CHAIN a new one follows that may write. */
async function chainOnPrimary(client: ClientContext, moving: Moving): Promise<Serving> {
  await moveToPrimary(client, moving, { begin: { config: { text: 'BEGIN' } }, modes: [], locals: [], queried: false })
  client.become({ kind: 'transaction', stateful: false, readOnly: false })
  const servedBy = client.servedBy(client.held.here.server, 'primary', 'transaction', 1)
  return { result: emptyResult('ROLLBACK'), servedBy }
}

/** What makes it move. */
type Moving = Pick<QueuedStatement, 'signal' | 'givenAt' | 'queryTimeoutMs' | 'own'>

/** Begins it again on the primary. If that fails, nothing runs until its ROLLBACK. */
async function moveToPrimary(
  client: ClientContext,
  moving: Moving,
  { begin: { config }, ...again }: Begun,
  mayWait = true,
): Promise<void> {
  const attempts: readonly Attempt[] = planPrimary(client.engine.topology, 'transaction')
  const limits = (): RunLimits => limitsOf(moving)
  const begin = (lease: Lease, onEnd: (end: StatementEnd) => void): void =>
    lease.send(new StatementExchange(config, lease.client, onEnd))
  try {
    await client.held.rollBack(limits)
    await takeConnection(client, config.text, attempts, limits, { own: moving.own, begin, mayWait })
    client.become({ kind: 'transaction', stateful: false, readOnly: true })
    await setAgain(client, limits(), again)
  } catch (error) {
    client.held.letGo(true)
    client.become({ kind: 'unbegun', error: notBegunError(error) })
    throw error
  }
}

/** What a transaction that only reads begins again with. */
type Begun = Pick<Reading, 'begin' | 'modes' | 'locals' | 'queried'>

/**
 * Sets what had been set until the transaction's end, where it has begun again. Behind a query it takes a snapshot, too, so that PostgreSQL
 * refuses there what it would have refused behind that query.
 */
async function setAgain(
  client: ClientContext,
  limits: RunLimits,
  { modes, locals, queried }: Omit<Begun, 'begin'>,
): Promise<void> {
  const { here } = client.held
  const send = ({ config }: Request): Promise<StatementEnd> =>
    new Promise((resolve) => here.send(new StatementExchange(config, here.client, resolve)))
  const sendAll = (onEnd: (ends: Sent) => void): void => {
    const sent = Promise.all([...modes, ...locals].map(send))
    // Whoever comes next need not wait for it: it fails with the connection alone.
    if (queried) here.send(new StatementExchange({ text: SNAPSHOT }, here.client, ignoreEnd))
    void sent.then((ends) => onEnd({ kind: 'ended', ends }))
  }
  const end = await runWithinAsync<Sent>(here, limits, sendAll, undefined)
  if (end.kind === 'cut') throw end.error
  if (end.ends.some(({ kind }) => kind !== 'result')) throw lostTransactionError()
}

interface Sent {
  readonly kind: 'ended'
  readonly ends: readonly StatementEnd[]
}

function ignoreEnd(): void {}

/** No primary could run a transaction that only reads: elsewhere, one statement after the other. */
export async function beginElsewhere(
  client: ClientContext,
  begin: QueuedStatement,
  members: readonly QueuedStatement[],
): Promise<Serving> {
  await beginAnywhere(client, begin, begin.request, members[0] ?? begin)
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
