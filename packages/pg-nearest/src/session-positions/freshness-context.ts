import type { PositionLostEvent } from '../events/event-types.ts'
import type { KnownPositions } from '../positions/known-positions.ts'
import type { MachinesBehindNames } from '../positions/machines-behind-names.ts'
import type { Consistency } from '../session/consistency.ts'
import type { ProcessSessionState } from '../session/process-session-state.ts'
import type { SessionState } from '../session/session-state.ts'
import type { Chooser } from '../server-selection/server-selection.ts'
import type { PrimaryTrail } from '../observations/staleness.ts'
import type { ServerState, Topology } from '../topology/topology-types.ts'
import type { BookmarkClaims } from './external-bookmark-gate.ts'

/** What a {@link FreshnessCheck} needs to know about the servers and this process. */
export interface FreshnessContext {
  readonly topology: Topology
  readonly chooser: Chooser
  readonly trail: PrimaryTrail
  readonly positions: KnownPositions
  readonly members: MachinesBehindNames
  readonly claims: BookmarkClaims
  /** The pool's default for what reads must show. */
  readonly consistency: Consistency
  /** The pool's option; `undefined`: no time is long enough. */
  readonly assumeReplicatedAfterMs: number | undefined
  /** There is one server, and so no other to choose. */
  readonly alone: boolean
  /** The session of everything outside of an explicit session. `undefined` with one server, where nothing can be stale, unless others are expected. */
  readonly process: ProcessSessionState | undefined
  /** Each write asks for its own position, because all are sent before any is answered. Default false. */
  readonly eachWriteAsks?: boolean
  /** The caller's explicit session, from the async context. */
  currentSession(): SessionState | undefined
  /** Waits until a standby has replayed this position. Resolves with `false` after `withinMs`. */
  reached(server: string, lsn: bigint, withinMs: number): Promise<boolean>
  /** A server has answered a statement, and not with an error, so that it is not down, if it was taken for that. */
  noteServed(connection: { readonly server: string; readonly generation: number }): void
  onPositionLost(event: PositionLostEvent): void
  stateOf(server: string): ServerState | undefined
}
