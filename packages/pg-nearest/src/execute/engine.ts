import type { QueryEvent } from '../events/events.ts'
import type { Lease } from '../monitor/server-connections.ts'
import type { StatementCache } from '../statement/statement-cache.ts'
import type { Chooser } from '../topology/selection.ts'
import type { Topology } from '../topology/topology.ts'
import type { Target } from './plan.ts'

/** What running a statement needs of the pool that it belongs to. */
export interface Engine {
  readonly topology: Topology
  readonly statements: StatementCache
  readonly chooser: Chooser
  /** Rejects when no connection can be had. */
  borrow(server: string): Promise<Lease>
  /** Evidence for the monitor. */
  report(server: string, error: unknown, phase: 'connect' | 'query'): void
  regionOf(server: string): string | undefined
  /** `undefined` while nobody listens, so that nothing is built for nobody. */
  readonly onQuery: ((event: QueryEvent) => void) | undefined
}

/** What a pool, or a handle of it, lets its statements do. */
export interface Scope {
  readonly target: Target
  /** The servers refuse every write. */
  readonly readOnly: boolean
}
