import type { KnownPosition } from '../monitor/known-positions.ts'
import { writeOrder } from '../topology/server-selection.ts'
import type { FreshnessContext } from './freshness-context.ts'

/** What was known of a server's position when a statement was sent there. */
export type PositionBefore = KnownPosition | undefined

/** How old the answer of the primary may be that a replica is compared with: four probes at their default pace. */
const LEVEL_FOR_MS = 2_000

/**
 * Whether a replica is known to have shown, when it was asked before a statement was sent there, all that the primary had at most
 * {@link LEVEL_FOR_MS} ago. Told from what is known already; what is not known is not level.
 *
 * @param before - of the replica.
 */
export function isLevel(
  { topology, positions }: Pick<FreshnessContext, 'topology' | 'positions'>,
  server: string,
  before: PositionBefore,
  now: number,
): boolean {
  const [primary] = writeOrder(topology)
  const latest = primary === undefined ? undefined : positions.of(primary.name)
  if (before === undefined || latest === undefined) return false
  // What was known before a connection was lost may be more than the server shows since it has restarted.
  if (!before.standby || before === positions.beforeLoss(server)) return false
  if (latest.standby || now - latest.at > LEVEL_FOR_MS) return false
  const { systemIdentifier, timeline } = latest
  if (systemIdentifier === undefined || timeline === undefined) return false
  // Positions of another timeline mean something else.
  const sameHistory = before.systemIdentifier === systemIdentifier && before.timeline === timeline
  return sameHistory && before.lsn >= latest.lsn
}
