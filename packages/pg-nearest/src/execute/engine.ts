import type { Lease } from '../connections/lease.ts'
import type { Purpose } from '../connections/wait-queue.ts'
import type { Trace } from '../events/diagnostics-channels.ts'
import type { QueryEvent } from '../events/event-types.ts'
import type { FreshnessContext } from '../freshness/freshness-context.ts'
import type { Hedging } from '../limits/hedging.ts'
import type { RetryBudget } from '../limits/retry-budget.ts'
import type { Target } from '../route/plan.ts'
import type { SessionState } from '../session/session-state.ts'
import type { StatementCache } from '../statement/statement-cache.ts'

/** What is learned of a server from what was run there. */
export interface ServerReport {
  readonly server: string
  /** Of the connection that it was learned on. */
  readonly generation: number
  /** `lost`: a connection died. `role`: it is not what it was taken for. */
  readonly sign: 'lost' | 'role'
  readonly error: unknown
}

/** What running a statement needs of the pool that it belongs to. */
export interface Engine extends FreshnessContext {
  readonly statements: StatementCache
  /** A connection that is idle, taken at once; `undefined`: there is none. */
  take(server: string, purpose: Purpose): Lease | undefined
  /** @throws `NoConnectionError` when no connection can be had, the signal's reason when it is aborted. */
  acquire(server: string, purpose: Purpose, signal: AbortSignal | undefined): Promise<Lease>
  /** Evidence for the monitor. */
  report(report: ServerReport): void
  readonly budget: RetryBudget
  /** `undefined` unless it was asked for. */
  readonly hedging: Hedging | undefined
  /** Milliseconds that a statement may take in all, unless it says otherwise. */
  readonly timeoutMs: number | undefined
  /** pg's `query_timeout`: milliseconds from a statement's sending to its answer, unless it says otherwise. */
  readonly queryTimeoutMs: number | undefined
  /** Whether a server that takes writes was heard of after `since`, or is within what is left of `failoverTimeoutMs`. */
  findWriter(since: number, waitedMs: number, signal: AbortSignal | undefined): Promise<boolean>
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
