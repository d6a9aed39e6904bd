import type { PositionLostEvent } from '../events/event-types.ts'
import type { KnownPositions } from '../monitor/known-positions.ts'
import type { Consistency } from '../session/consistency.ts'
import type { SessionState } from '../session/session-state.ts'
import type { Chooser } from '../topology/server-selection.ts'
import type { PrimaryTrail } from '../topology/staleness.ts'
import type { Topology } from '../topology/topology.ts'
import type { BookmarkClaims } from './bookmark-claims.ts'

/** What is known of the servers, and of this process, when a statement's freshness is looked after. */
export interface FreshnessContext {
  readonly topology: Topology
  readonly chooser: Chooser
  readonly trail: PrimaryTrail
  readonly positions: KnownPositions
  readonly claims: BookmarkClaims
  /** What reads must show where nothing else is said. */
  readonly consistency: Consistency
  /** Everything that runs outside of a session of its own. `undefined` with one server, where nothing can be stale. */
  readonly process: SessionState | undefined
  /** The session that the caller runs in now. */
  currentSession(): SessionState | undefined
  /** Waits until a standby shows this position: `false` when it does not within the time. */
  reached(server: string, lsn: bigint, withinMs: number): Promise<boolean>
  onPositionLost(event: PositionLostEvent): void
  regionOf(server: string): string | undefined
}
