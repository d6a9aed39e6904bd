import type { Engine } from '../execute/engine-interface.ts'
import type { SessionState } from '../session/session-state.ts'
import { writeOrder } from '../server-selection/server-selection.ts'

/**
 * Where the primary tells no position: up to when a session may have something to show, by the primary's clock. `undefined` if there is
 * nothing, or if that is not known.
 */
export function timeBookmarkOf(state: SessionState, { topology, positions }: Engine): number | undefined {
  const [primary] = writeOrder(topology)
  if (primary === undefined || positions.askable(primary.name) !== 'no') return undefined
  if (state.unreadable) return state.knownUntil
  const { unpositionedAt } = state
  return unpositionedAt === undefined ? undefined : positions.clockOf(primary.name, unpositionedAt)?.most
}
