import type { Consistency } from '../session/consistency.ts'
import type { SessionState } from '../session/session-state.ts'
import { FreshnessCheck } from './freshness-check.ts'
import type { FreshnessContext } from './freshness-context.ts'

/**
 * What this statement must show and will have shown; `undefined` where nobody wants to know.
 *
 * @param ofScope - the session that everything belongs to, wherever it is called from.
 * @param wanted - what this call asks for, if a read.
 */
export function createFreshnessCheck(
  context: FreshnessContext,
  ofScope: SessionState | undefined,
  wanted: Consistency | undefined,
  reads: boolean,
): FreshnessCheck | undefined {
  const own = ofScope ?? context.currentSession()
  const session = own ?? context.process
  if (session === undefined) return undefined
  const usual = own?.consistency ?? context.consistency
  const consistency = reads ? (wanted ?? usual) : usual
  // A write in a session of its own may be read in another process, which decides for itself.
  if (consistency === 'eventual' && (reads || own === undefined)) return undefined
  return new FreshnessCheck(context, session, consistency, reads)
}
