import { planPrimary, type Attempt } from '../route/plan-servers.ts'
import type { FreshnessContext } from '../session-positions/freshness-context.ts'
import type { Requirement } from '../session-positions/freshness-requirement.ts'
import type { Role, ServerState } from '../topology/topology-types.ts'

interface Member {
  readonly machine: string
  readonly role: Role | undefined
}

/** The machines behind a name. Of the only server no probe asks for them, but its connections have told. */
export function membersOf(
  { alone, members }: Pick<FreshnessContext, 'alone' | 'members'>,
  { name, members: probed }: Pick<ServerState, 'name' | 'members'>,
): readonly Member[] {
  return alone && probed.length === 0 && members.isBalanced(name) ? members.of(name) : probed
}

/** The only server's name leads to a primary and elsewhere in turn, as far as its connections have told. */
export function leadsToPrimary({ alone, members }: Pick<FreshnessContext, 'alone' | 'members'>, name: string): boolean {
  return alone && members.isBalanced(name) && members.of(name).some(({ role }) => role === 'primary')
}

/**
 * The attempts of a read on the only server, and behind them, or instead, those on a connection that leads to its primary.
 *
 * @param primary - set if only the primary is sure to show what the read must show.
 */
export function onPrimaryLast(
  context: Pick<FreshnessContext, 'alone' | 'members' | 'topology'>,
  attempts: readonly Attempt[],
  primary: Requirement['primary'],
): readonly Attempt[] {
  if (!attempts.some(({ server }) => leadsToPrimary(context, server))) return attempts
  const onPrimary = planPrimary(context.topology, primary ?? 'lagging')
  return primary === undefined ? [...attempts, ...onPrimary] : onPrimary
}
