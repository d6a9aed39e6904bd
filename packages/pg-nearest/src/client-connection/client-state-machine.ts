import type { NearestError } from '../errors.ts'
import type { StatementNeed } from '../statement/statement-class.ts'
import { factsOf } from '../statement/text-facts.ts'
import type { Request } from '../route/request.ts'

/**
 * What a borrowed client may do next.
 *
 * - `free`: each statement chooses its server.
 * - `transaction`: everything runs on the held connection until COMMIT or ROLLBACK. `stateful`: the connection also has state that
 *   outlives the transaction. `readOnly`: it began READ ONLY, and nothing in it can have changed that.
 * - `reading`: a READ ONLY transaction on a standby, or on a primary that gets no writes. While it `keeps` nothing, it can begin again
 *   elsewhere with `begin`. `failed`: a statement has failed, so that nothing runs until ROLLBACK; on another server the transaction would
 *   not be in that state. `unproven`: it began where nothing proved that it shows what it must.
 * - `pinned`: the connection has session state (SET, LISTEN, a temporary table …) until the release.
 * - `lost`: the connection died with session state or an open transaction; nothing runs until the release.
 * - `unbegun`: a BEGIN that had been answered has failed; nothing runs until ROLLBACK or the release.
 */
export type ClientState =
  | { readonly kind: 'free' }
  | { readonly kind: 'transaction'; readonly stateful: boolean; readonly readOnly: boolean }
  | {
      readonly kind: 'reading'
      readonly begin: Request
      readonly snapshotPerStatement: boolean
      readonly keeps: Kept
      readonly failed: boolean
      readonly unproven: boolean
    }
  | { readonly kind: 'pinned' }
  | { readonly kind: 'lost'; readonly error: unknown }
  | { readonly kind: 'unbegun'; readonly error: NearestError }

/**
 * What a READ ONLY transaction would lose if it began again elsewhere.
 *
 * - `nothing`: none of it has been answered, or each statement takes its own snapshot.
 * - `transaction`: the snapshot that was read, or what a function may have set.
 * - `chain`: a savepoint, or modes that the next transaction of its chain has as well, so that `begin` does not tell them.
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
}

export const FREE: ClientState = { kind: 'free' }

export function nextClientState(
  before: ClientState,
  { request, need, open, standby, failed, unproven = false }: StatementOutcome,
): ClientState {
  if (before.kind === 'lost' || before.kind === 'unbegun') return before
  const stateful =
    need.class === 'session' || before.kind === 'pinned' || (before.kind === 'transaction' && before.stateful)
  if (!open) return stateful ? { kind: 'pinned' } : FREE
  const control = need.transaction
  if (before.kind === 'reading' && standby) {
    if (failed) return { ...before, failed }
    // The next transaction has begun, as the first did.
    if (control?.kind === 'chain') return { ...before, keeps: before.keeps === 'chain' ? 'chain' : 'nothing', failed }
    // ROLLBACK TO SAVEPOINT clears the failure; after any such statement there may be a savepoint.
    if (control?.kind === 'within' || control?.kind === 'other') return { ...before, keeps: 'chain', failed }
    return afterAnswer(before, request, need)
  }
  if (before.kind === 'free' && standby && control?.standbyCanBegin === true) {
    const { snapshotPerStatement } = control
    return { kind: 'reading', begin: request, snapshotPerStatement, keeps: 'nothing', failed, unproven }
  }
  const readOnly = before.kind === 'transaction' ? staysReadOnly(before, need) : control?.readOnly === true
  return { kind: 'transaction', stateful, readOnly }
}

function afterAnswer(before: Reading, { config: { text } }: Request, need: StatementNeed): Reading {
  const isFree = before.snapshotPerStatement && !(need.class === 'read' && mayLeaveState(text))
  return before.keeps === 'nothing' && !isFree ? { ...before, keeps: 'transaction' } : before
}

function mayLeaveState(text: string | undefined): boolean {
  return typeof text !== 'string' || factsOf(text).is('mayLeaveState')
}

/** After a cursor, a stream or a COPY, which pin nothing. */
export function nextStateAfterStream(
  before: ClientState,
  { request, need, open, failed }: Pick<StatementOutcome, 'request' | 'need' | 'open' | 'failed'>,
): ClientState {
  switch (before.kind) {
    case 'transaction':
      if (open) return { ...before, readOnly: staysReadOnly(before, need) }
      return before.stateful ? { kind: 'pinned' } : FREE
    case 'reading':
      if (!open) return FREE
      return failed ? { ...before, failed } : afterAnswer(before, request, need)
    case 'free':
    case 'pinned':
      return open ? { kind: 'transaction', stateful: before.kind === 'pinned', readOnly: false } : before
    case 'lost':
    case 'unbegun':
      return before
  }
}

/** Only reads since BEGIN READ ONLY, this one included: anything else could be SET TRANSACTION READ WRITE. */
export function staysReadOnly(before: ClientState, need: StatementNeed): boolean {
  const ends = need.transaction?.kind === 'commit' || need.transaction?.kind === 'rollback'
  return before.kind === 'transaction' && before.readOnly && (need.class === 'read' || ends)
}
