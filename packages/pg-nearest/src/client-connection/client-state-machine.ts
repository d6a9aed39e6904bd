import type { NearestError } from '../errors.ts'
import { mayLeaveState } from '../statement/stateless-functions.ts'
import type { StatementNeed } from '../statement/statement-class.ts'
import type { Request } from '../route/request.ts'

/**
 * What a borrowed client may do next.
 *
 * - `free`: each statement chooses its server.
 * - `transaction`: everything runs on the held connection until COMMIT or ROLLBACK. `stateful`: the connection also has state that
 *   outlives the transaction. `readOnly`: it began READ ONLY, and nothing in it can have changed that.
 * - `reading`: a READ ONLY transaction on a standby, or on a primary that gets no writes. While it is `movable`, it can begin again
 *   elsewhere with `begin`: each statement takes its own snapshot, and there is nothing to lose, neither a savepoint nor what a function
 *   may have set. `answered`: something of it has been answered. `failed`: a statement has failed, so that nothing runs until ROLLBACK;
 *   on another server the transaction would not be in that state. `unproven`: it began where nothing proved that it shows what it must.
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
      readonly movable: boolean
      readonly answered: boolean
      readonly failed: boolean
      readonly unproven: boolean
    }
  | { readonly kind: 'pinned' }
  | { readonly kind: 'lost'; readonly error: unknown }
  | { readonly kind: 'unbegun'; readonly error: NearestError }

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
    if (control?.kind === 'chain') return { ...before, answered: false, failed }
    // ROLLBACK TO SAVEPOINT clears the failure; after any such statement there may be a savepoint.
    if (control?.kind === 'within' || control?.kind === 'other') {
      return { ...before, movable: false, answered: true, failed }
    }
    const stays = need.class === 'read' && mayLeaveState(request.config.text)
    return { ...before, movable: before.movable && !stays, answered: true }
  }
  if (before.kind === 'free' && standby && control?.standbyCanBegin === true) {
    const movable = control.snapshotPerStatement
    return { kind: 'reading', begin: request, movable, answered: false, failed, unproven }
  }
  const readOnly = before.kind === 'transaction' ? staysReadOnly(before, need) : control?.readOnly === true
  return { kind: 'transaction', stateful, readOnly }
}

/** Only reads since BEGIN READ ONLY, this one included: anything else could be SET TRANSACTION READ WRITE. */
export function staysReadOnly(before: ClientState, need: StatementNeed): boolean {
  const ends = need.transaction?.kind === 'commit' || need.transaction?.kind === 'rollback'
  return before.kind === 'transaction' && before.readOnly && (need.class === 'read' || ends)
}
