import type { Consistency } from '../session/consistency.ts'
import { SessionState } from '../session/session-state.ts'
import { FreshnessCheck } from './freshness-check.ts'
import type { FreshnessContext } from '../session-positions/freshness-context.ts'

/**
 * The freshness check for a statement; `undefined` if it needs none.
 *
 * @param own - the session that it belongs to, looked up where it was given: a connection's callbacks run in another async context.
 * @param wanted - the call's own `consistency`.
 */
export function createFreshnessCheck(
  context: FreshnessContext,
  own: SessionState | undefined,
  wanted: Consistency | undefined,
  reads: boolean,
): FreshnessCheck | undefined {
  const usual = own?.consistency ?? context.consistency
  const consistency = reads ? (wanted ?? usual) : usual
  // The only server's name may lead to a standby since.
  const isDemanding = reads && (consistency === 'strong' || typeof consistency === 'object')
  const session = own ?? context.process ?? (isDemanding ? new SessionState() : undefined)
  if (session === undefined) return undefined
  // A write's position is recorded all the same: another process may go on with the bookmark, another pool or read may ask for more.
  if (consistency === 'eventual' && reads) return undefined
  return new FreshnessCheck(context, session, consistency, reads)
}
