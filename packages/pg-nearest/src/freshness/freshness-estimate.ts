import { usualReadServer } from '../route/plan-servers.ts'
import { shows, type Bookmark } from '../session/bookmark.ts'
import type { SessionState } from '../session/session-state.ts'
import { writeOrder } from '../server-selection/server-selection.ts'
import type { FreshnessContext } from '../session-positions/freshness-context.ts'
import type { FreshnessEstimate } from './order-by-freshness.ts'
import { isAsNear, nearMs } from './wait-budget.ts'

/** Estimates, without asking, whether a server shows what a session's read must show. */
export function estimateOf(
  context: FreshnessContext,
  session: SessionState,
  required: Bookmark | undefined,
  server: string,
): FreshnessEstimate {
  if (writeOrder(context.topology).some(({ name }) => name === server)) return 'primary'
  const { home } = session
  if (home !== undefined && (home.server !== server || home.epoch !== context.positions.epochOf(server))) return 'never'
  if (required === undefined) return 'shows'
  const { positions } = context
  let hopeless = true
  let heard = false
  for (const known of positions.likely(server)) {
    const showing = shows(known, required, positions)
    if (showing === 'yes') return 'shows'
    heard = true
    if (showing === 'no' || showing === 'unknown') hopeless = false
  }
  if (heard && hopeless) return 'never'
  const [rttMs, primaryMs] = [rttMsOf(context, server), primaryRttMsOf(context)]
  if ((rttMs ?? 0) > nearMs(primaryMs)) return 'far'
  // A process that writes all the time would ask it in vain each time, and wait, though the primary is as near.
  return isAsNear(primaryMs, rttMs) && isFoundBehind(context, server) ? 'far' : 'near'
}

function isFoundBehind({ positions }: FreshnessContext, server: string): boolean {
  const now = performance.now()
  for (const { machine } of positions.likely(server)) {
    if (machine === undefined || !positions.isFoundBehind(server, machine, now)) return false
  }
  return true
}

/** The process's own session reads from its usual server without asking for positions: that server never goes backwards. */
export function isUsualReadServer(context: FreshnessContext, session: SessionState, server: string): boolean {
  const { process } = context
  if (process === undefined || session !== process) return false
  if (server !== usualReadServer(context.topology, context.chooser)) return false
  // What is written there, other pools must be told.
  return !(process.hasPeers && writeOrder(context.topology).some(({ name }) => name === server))
}

export function rttMsOf(context: FreshnessContext, server: string): number | undefined {
  return context.stateOf(server)?.leastRttMs
}

export function primaryRttMsOf(context: FreshnessContext): number | undefined {
  const [primary] = writeOrder(context.topology)
  return primary && rttMsOf(context, primary.name)
}
