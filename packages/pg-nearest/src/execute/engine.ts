import type { Trace } from '../events/channels.ts'
import type { PositionLostEvent, QueryEvent } from '../events/events.ts'
import type { KnownPositions } from '../monitor/known-positions.ts'
import type { Lease } from '../monitor/server-connections.ts'
import type { StatementCache } from '../statement/statement-cache.ts'
import type { Consistency } from '../session/consistency.ts'
import type { SessionState } from '../session/session-state.ts'
import type { Chooser } from '../topology/selection.ts'
import type { PrimaryTrail } from '../topology/staleness.ts'
import type { Topology } from '../topology/topology.ts'
import type { Hedging } from './hedging.ts'
import type { Target } from './plan.ts'
import type { RetryBudget } from './retry-budget.ts'

/** What running a statement needs of the pool that it belongs to. */
export interface Engine {
  readonly topology: Topology
  readonly statements: StatementCache
  readonly chooser: Chooser
  readonly trail: PrimaryTrail
  readonly positions: KnownPositions
  /** What reads must show where nothing else is said. */
  readonly consistency: Consistency
  /** Everything that runs outside of a session of its own. `undefined` with one server, where nothing can be stale. */
  readonly process: SessionState | undefined
  /** The session that the caller runs in now. */
  currentSession(): SessionState | undefined
  /** Waits until a standby shows this position: `false` when it does not within the time. */
  reached(server: string, lsn: bigint, withinMs: number): Promise<boolean>
  onPositionLost(event: PositionLostEvent): void
  /** Rejects when no connection can be had. */
  borrow(server: string): Promise<Lease>
  /** Evidence for the monitor. */
  report(server: string, error: unknown, phase: 'connect' | 'query' | 'role'): void
  readonly budget: RetryBudget
  /** `undefined` unless it was asked for. */
  readonly hedging: Hedging | undefined
  /** Milliseconds that a statement may take in all, unless it says otherwise. */
  readonly timeoutMs: number | undefined
  /** Whether a server that takes writes was heard of after `since`, or is within what is left of `failoverTimeoutMs`. */
  findWriter(since: number, waitedMs: number, signal: AbortSignal | undefined): Promise<boolean>
  regionOf(server: string): string | undefined
  /** `undefined` while nobody listens, so that nothing is built for nobody. */
  readonly onQuery: ((event: QueryEvent) => void) | undefined
  /** `undefined` while nobody subscribes. */
  readonly trace: Trace | undefined
}

/** What a pool, or a handle of it, lets its statements do. */
export interface Scope {
  readonly target: Target
  /** The servers refuse every write. */
  readonly readOnly: boolean
  /** The session that everything belongs to, wherever it is called from. */
  readonly session?: SessionState | undefined
}
