import type { NearestError } from '../errors.ts'
import type { StatementNeed } from '../statement/statement-class.ts'
import type { Request } from '../route/request.ts'

/**
 * What a borrowed client may do next.
 *
 * - `free`: each statement chooses its server.
 * - `transaction`: until COMMIT or ROLLBACK everything runs on the connection that is held. `stateful`: the caller has
 *   made state on it that outlives the transaction. `readOnly`: it began so, and nothing in it can have changed that.
 * - `reading`: a READ ONLY transaction on a standby. `begin` can be run anew on the primary as long as it is `movable`:
 *   each statement takes a snapshot of its own, and no savepoint would be lost. `failed`: a statement has failed, so
 *   that nothing runs until ROLLBACK; begun anew elsewhere, the transaction would have forgotten that.
 * - `pinned`: the connection has state of the caller's (SET, LISTEN, a temporary table …), until the release.
 * - `lost`: the connection died with state or a transaction of the caller's; nothing runs until the release.
 * - `unbegun`: a BEGIN that had been answered could not be run; nothing runs until ROLLBACK or the release.
 */
export type ClientState =
  | { readonly kind: 'free' }
  | { readonly kind: 'transaction'; readonly stateful: boolean; readonly readOnly: boolean }
  | { readonly kind: 'reading'; readonly begin: Request; readonly movable: boolean; readonly failed: boolean }
  | { readonly kind: 'pinned' }
  | { readonly kind: 'lost'; readonly error: unknown }
  | { readonly kind: 'unbegun'; readonly error: NearestError }

/** What a statement has left behind, as of its ReadyForQuery. */
export interface StatementOutcome {
  readonly request: Request
  readonly need: StatementNeed
  /** The server says that a transaction is open, failed or not. */
  readonly open: boolean
  /** It ran on a standby. */
  readonly standby: boolean
  /** The server answered with an error. */
  readonly failed: boolean
}

export const FREE: ClientState = { kind: 'free' }

/** The state after a statement. */
export function nextClientState(before: ClientState, { request, need, open, standby, failed }: StatementOutcome): ClientState {
  if (before.kind === 'lost' || before.kind === 'unbegun') return before
  const stateful =
    need.class === 'session' || before.kind === 'pinned' || (before.kind === 'transaction' && before.stateful)
  if (!open) return stateful ? { kind: 'pinned' } : FREE
  const control = need.transaction
  if (before.kind === 'reading' && standby) {
    if (failed) return { ...before, failed }
    // ROLLBACK TO SAVEPOINT heals; after any of these a savepoint may be there.
    return control?.kind === 'other' ? { ...before, movable: false, failed } : before
  }
  if (before.kind === 'free' && standby && control?.standbyCanBegin === true) {
    return { kind: 'reading', begin: request, movable: control.snapshotPerStatement, failed: false }
  }
  return { kind: 'transaction', stateful, readOnly: isReadOnly(before, need) }
}

/** BEGIN READ ONLY and reads; SET TRANSACTION READ WRITE may come right behind it. */
function isReadOnly(before: ClientState, need: StatementNeed): boolean {
  const ends = need.transaction?.kind === 'commit' || need.transaction?.kind === 'rollback'
  if (before.kind === 'transaction') return before.readOnly && (need.class === 'read' || ends)
  return need.transaction?.standbyCanBegin === true
}
