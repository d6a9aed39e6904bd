import type { NearestError } from '../errors.ts'
import {
  leavesSessionState,
  type StatementNeed,
  type TransactionControl,
} from '../classification/statement-need-types.ts'
import { factsOf } from '../statement/text-facts.ts'
import type { Request } from '../route/request.ts'

/**
 * What a borrowed client may do next.
 *
 * - `free`: each statement chooses its server.
 * - `transaction`: everything runs on the held connection until COMMIT or ROLLBACK. `stateful`: the connection also has state that
 *   outlives the transaction. `readOnly`: it began READ ONLY, and nothing in it can have changed that.
 * - `reading`: a READ ONLY transaction on a standby, or on a primary that gets no writes. While it `keeps` nothing, it can begin again
 *   elsewhere with `begin`, `modes` (SET TRANSACTION, and `CHAIN` where it is the next of its chain), and `locals`, which set what lasts until its end. `failed`: a statement has failed, so that nothing runs until ROLLBACK; on another server the transaction would
 *   not be in that state. `unproven`: it began where nothing proved that it shows what it must. `stateful`: as of `transaction`.
 * - `pinned`: the connection has session state (SET, LISTEN, a temporary table …) until the release or DISCARD ALL; `by` settings alone, until RESET
 *   ALL.
 * - `lost`: the connection died with session state or an open transaction; nothing runs until the release.
 * - `unbegun`: a BEGIN that had been answered has failed; nothing runs until ROLLBACK or the release.
 */
export type ClientState =
  | { readonly kind: 'free' }
  | { readonly kind: 'transaction'; readonly stateful: boolean; readonly readOnly: boolean }
  | {
      readonly kind: 'reading'
      readonly begin: Request
      readonly modes: readonly Request[]
      readonly locals: readonly Request[]
      readonly snapshotPerStatement: boolean
      readonly keeps: Kept
      readonly failed: boolean
      readonly unproven: boolean
      /** A query was answered in it: PostgreSQL takes no mode behind one. */
      readonly queried: boolean
      readonly stateful: boolean
    }
  | { readonly kind: 'pinned'; readonly by: 'settings' | 'state' }
  | { readonly kind: 'lost'; readonly error: unknown }
  | { readonly kind: 'unbegun'; readonly error: NearestError }

/**
 * What a READ ONLY transaction would lose if it began again elsewhere.
 *
 * - `nothing`: none of it has been answered, or each statement takes its own snapshot.
 * - `transaction`: the snapshot that was read, or what a function may have set.
 * - `chain`: a savepoint, or a snapshot that it was given.
 */
export type Kept = 'nothing' | 'transaction' | 'chain'

export type Reading = Extract<ClientState, { readonly kind: 'reading' }>

/** A statement that has ended, and the connection as of its ReadyForQuery. */
export interface StatementOutcome {
  readonly request: Request
  readonly need: StatementNeed
  /** A transaction is open, failed or not. */
  readonly open: boolean
  /** It ran on a standby, or on a primary that gets no writes. */
  readonly standby: boolean
  /** The server answered with an error. */
  readonly failed: boolean
  /** It ran on a server that could not prove to show what it must. Default false. */
  readonly unproven?: boolean
  /** What it sets is made again on every connection. Default false. */
  readonly remembered?: boolean
}

export const FREE: ClientState = { kind: 'free' }

export function nextClientState(
  before: ClientState,
  { request, need, open, standby, failed, unproven = false, remembered = false }: StatementOutcome,
): ClientState {
  if (before.kind === 'lost' || before.kind === 'unbegun' || remembered) return before
  if (!open) return nextOutside(before, need, failed)
  const stateful = boundBy(before) !== undefined || leavesSessionState(need)
  const control = need.transaction
  if (before.kind === 'reading' && standby) {
    if (failed) return { ...before, failed }
    if (control?.kind === 'chain') return nextOfChain(before)
    // A BEGIN within a transaction only warns, but its modes count.
    if ((control?.kind === 'modes' || control?.kind === 'begin') && before.keeps !== 'chain')
      return withModes(before, request, control)
    // ROLLBACK TO SAVEPOINT clears the failure; after any such statement there may be a savepoint.
    if (control !== undefined && control.kind !== 'begin') return { ...before, keeps: 'chain', failed }
    return afterAnswer(before, request, need)
  }
  if (before.kind === 'free' && standby && control?.standbyCanBegin === true) {
    const { snapshotPerStatement } = control
    const begun = {
      begin: request,
      modes: [],
      locals: [],
      snapshotPerStatement,
      keeps: 'nothing',
      failed,
      unproven,
      queried: false,
    } as const
    return { kind: 'reading', ...begun, stateful: leavesSessionState(need) }
  }
  const readOnly = before.kind === 'transaction' ? staysReadOnly(before, need) : control?.readOnly === true
  return { kind: 'transaction', stateful, readOnly }
}

/** What the connection has that outlives a transaction. */
function boundBy(state: ClientState): 'settings' | 'state' | undefined {
  if (state.kind === 'pinned') return state.by
  return (state.kind === 'transaction' || state.kind === 'reading') && state.stateful ? 'state' : undefined
}

/** No transaction is open. */
function nextOutside(before: ClientState, need: StatementNeed, failed: boolean): ClientState {
  const { session } = need
  const was = boundBy(before)
  if (!failed && (session === 'discard' || (session === 'reset' && was !== 'state'))) return FREE
  const adds = session === 'setting' || session === 'reset' ? 'settings' : 'state'
  const by = leavesSessionState(need) && was !== 'state' ? adds : was
  return by === undefined ? FREE : { kind: 'pinned', by }
}

export const CHAIN: Request = { config: { text: 'COMMIT AND CHAIN' } }

/** What was set in a transaction that has failed was undone by that; what it began with as the next of a chain was not. */
function nextOfChain(before: Reading): Reading {
  const { modes, failed } = before
  const isChained = modes.includes(CHAIN)
  const begin = failed && !isChained ? { ...before.begin, config: { text: 'BEGIN READ ONLY' } } : before.begin
  const kept = failed ? modes.slice(0, isChained ? modes.indexOf(CHAIN) : 0) : modes.filter((each) => each !== CHAIN)
  const snapshotPerStatement = failed ? [begin, ...kept].every(keepsNoSnapshot) : before.snapshotPerStatement
  const keeps = before.keeps === 'chain' ? 'chain' : 'nothing'
  return {
    ...before,
    begin,
    modes: [...kept, CHAIN],
    locals: [],
    snapshotPerStatement,
    keeps,
    failed: false,
    queried: false,
  }
}

function keepsNoSnapshot({ config: { text } }: Request): boolean {
  return factsOf(text).need.transaction?.snapshotPerStatement === true
}

function withModes(before: Reading, request: Request, control: TransactionControl): Reading {
  const snapshotPerStatement = before.snapshotPerStatement && control.snapshotPerStatement
  return { ...before, modes: [...before.modes, request], snapshotPerStatement }
}

function afterAnswer(before: Reading, request: Request, need: StatementNeed): Reading {
  const { text } = request.config
  if (need.session === 'local') return afterSettings(before, request)
  const stateful = before.stateful || (leavesSessionState(need) && !showsTransaction(text))
  const isFree = before.snapshotPerStatement && !stateful && !(need.class === 'read' && mayLeaveState(text))
  const keeps = before.keeps === 'nothing' && !isFree ? 'transaction' : before.keeps
  const queried = before.queried || typeof text !== 'string' || factsOf(text).is('takesSnapshot')
  return { ...before, keeps, stateful, queried }
}

function showsTransaction(text: string | undefined): boolean {
  return typeof text === 'string' && factsOf(text).is('showsTransaction')
}

function mayLeaveState(text: string | undefined): boolean {
  return typeof text !== 'string' || factsOf(text).is('mayLeaveState')
}

/** It has read settings, or set them until the transaction's end, maybe in a query that has read something else, too. */
function afterSettings(before: Reading, request: Request): Reading {
  const { text } = request.config
  const isQuery = factsOf(text).is('takesSnapshot')
  const queried = before.queried || isQuery
  const after = SETS.test(text) ? { ...before, locals: [...before.locals, request], queried } : { ...before, queried }
  const isFree = !isQuery || (before.snapshotPerStatement && !mayLeaveState(text.replace(SETTING, 'concat(')))
  return before.keeps === 'nothing' && !isFree ? { ...after, keeps: 'transaction' } : after
}

/** SET LOCAL or set_config(). */
const SETS = /\bset(?:_config)?\b/i
const SETTING = /\b(?:set_config|current_setting)\s*\(/gi

/** After what talks to the connection by itself: a cursor, a stream, a COPY or pg's own `Query`. It may have set something as any statement may. */
export function nextStateAfterStream(
  before: ClientState,
  { request, need, open, failed }: Pick<StatementOutcome, 'request' | 'need' | 'open' | 'failed'>,
): ClientState {
  if (before.kind === 'lost' || before.kind === 'unbegun') return before
  if (!open) return nextOutside(before, need, failed)
  if (before.kind === 'reading' && need.transaction !== undefined)
    return nextClientState(before, { request, need, open, standby: true, failed })
  if (before.kind === 'reading') return failed ? { ...before, failed } : afterAnswer(before, request, need)
  const stateful = boundBy(before) !== undefined || leavesSessionState(need)
  return { kind: 'transaction', stateful, readOnly: staysReadOnly(before, need) }
}

/** Only reads since BEGIN READ ONLY, this one included: anything else could be SET TRANSACTION READ WRITE. */
export function staysReadOnly(before: ClientState, need: StatementNeed): boolean {
  const ends = need.transaction?.kind === 'commit' || need.transaction?.kind === 'rollback'
  return before.kind === 'transaction' && before.readOnly && (need.class === 'read' || ends)
}
