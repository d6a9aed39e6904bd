import type { SessionState } from '../session/session-state.ts'
import type { FreshnessContext } from './freshness-context.ts'

/** A write in an explicit session is a write of this process, too. */
export function concernedSessions(
  { process }: Pick<FreshnessContext, 'process'>,
  session: SessionState,
): readonly SessionState[] {
  return process === undefined || process === session ? [session] : [session, process]
}
