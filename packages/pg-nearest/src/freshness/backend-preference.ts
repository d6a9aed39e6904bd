import type { Lease } from '../pooled-connection/lease.ts'
import type { Evidence } from '../route/failure-meaning.ts'
import type { Attempt } from '../route/plan-servers.ts'
import { isUsable } from '../topology/health.ts'
import { stalledMembers } from '../topology/stalled-wal-reception.ts'
import type { ServerState } from '../topology/topology-types.ts'
import type { FreshnessCheck } from './freshness-check.ts'
import type { FreshnessContext } from '../session-positions/freshness-context.ts'
import { GIVES_WAY, type Preference } from '../checkout/connection-preference.ts'

/** On which of the machines behind its name an attempt should rather run; `undefined`: there is only one, or all are equal. */
export function backendPreference(
  context: FreshnessContext,
  { server, onPrimary }: Attempt,
  check: FreshnessCheck | undefined,
): Preference | undefined {
  const state = context.stateOf(server)
  if (state === undefined || state.members.length < 2) return undefined
  const { members } = state
  if (onPrimary !== true) return check?.prefers(server) ?? awayFromStalled(context, state)
  const standbys = members.filter(({ role }) => role === 'replica').map(({ machine }) => machine)
  const isBalanced = standbys.length > 0 && standbys.length < members.length
  return isBalanced ? { suits: (machine) => !standbys.includes(machine), insists: true } : undefined
}

/** The same for one that waits for its turn. */
export function waitingPreference(
  context: FreshnessContext,
  attempt: Attempt,
  check: FreshnessCheck | undefined,
): Preference | undefined {
  const preference = backendPreference(context, attempt, check)
  if (check?.givesWay(attempt.server) !== true) return preference
  return preference === undefined ? GIVES_WAY : { ...preference, givesWay: true }
}

/** Those that receive nothing any more are for when nobody else is left. */
function awayFromStalled({ topology }: FreshnessContext, server: ServerState): Preference | undefined {
  const stalled = stalledMembers(topology, server).map(({ machine }) => machine)
  if (stalled.length === 0 || stalled.length === server.members.length) return undefined
  return { suits: (machine) => !stalled.includes(machine), insists: true }
}

/** Only a primary will do, and the connection leads to a standby, though its name led to the primary a moment ago. */
export function isMisled(context: FreshnessContext, { server, onPrimary }: Attempt, lease: Lease): boolean {
  if (onPrimary !== true || !lease.standby) return false
  const state = context.stateOf(server)
  // What a pooler says of its server may be out of date.
  return state?.role === 'primary' && !state.pooled && isUsable(state)
}

/** Gives it back, because nothing was sent: one that has told its machine can serve reads. */
export function misledBy(lease: Lease, release: (error: boolean) => void = (error) => lease.release(error)): Evidence {
  release(!lease.introduced)
  return { kind: 'misled', error: new Error(`${lease.server} led to a standby instead of the primary`) }
}
