import type { KnownPosition } from '../positions/known-positions.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { writeOrder } from '../server-selection/server-selection.ts'
import type { FreshnessContext } from '../session-positions/freshness-context.ts'

/** What was known of the position of the standby behind a connection when a statement was sent there. */
export type PositionBefore = KnownPosition | undefined

/** To be asked before it is sent. `undefined`: nothing is known that is worth comparing. */
export function positionBefore(
  context: Pick<FreshnessContext, 'positions' | 'members'>,
  { server, machine }: Pick<Lease, 'server' | 'machine'>,
): PositionBefore {
  const { positions } = context
  const known = machine === undefined ? onlyOne(positions, context.members, server) : positions.at(server, machine)
  // What was known before a connection was lost may be more than the machine shows since it has restarted.
  return known === positions.beforeLoss(server) ? undefined : known
}

/** A connection that has not told its machine leads to the only one that was seen. */
function onlyOne(
  positions: FreshnessContext['positions'],
  members: FreshnessContext['members'],
  server: string,
): PositionBefore {
  return members.of(server).length === 1 ? positions.of(server) : undefined
}

/** How old the answer of the primary may be that a replica is compared with: four probes at their default pace. */
const LEVEL_FOR_MS = 2_000

/**
 * Whether a replica is known to have shown, when it was asked before a statement was sent there, all that the primary had at most
 * {@link LEVEL_FOR_MS} ago. Told from what is known already; what is not known is not level.
 *
 * @param before - of the replica.
 */
export function isCaughtUp(
  { topology, positions }: Pick<FreshnessContext, 'topology' | 'positions'>,
  before: PositionBefore,
  now: number,
): boolean {
  const [primary] = writeOrder(topology)
  const latest = primary === undefined ? undefined : positions.of(primary.name)
  if (before === undefined || latest === undefined) return false
  if (!before.standby) return false
  if (latest.standby || now - latest.at > LEVEL_FOR_MS) return false
  const { systemIdentifier, timeline } = latest
  if (systemIdentifier === undefined || timeline === undefined) return false
  // Positions of another timeline mean something else.
  const sameHistory = before.systemIdentifier === systemIdentifier && before.timeline === timeline
  return sameHistory && before.lsn >= latest.lsn
}
