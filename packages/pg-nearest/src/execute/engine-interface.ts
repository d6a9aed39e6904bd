import type { Lease } from '../pooled-connection/lease.ts'
import type { Preference } from '../checkout/connection-preference.ts'
import type { Purpose, Wanted } from '../checkout/wait-queue.ts'
import type { Observer } from './predict-normal-route.ts'
import type { Witness } from '../events/served-by-collector.ts'
import type { Trace } from '../events/diagnostics-channels.ts'
import type { QueryEvent } from '../events/event-types.ts'
import type { ListState } from '../failures/no-server-error.ts'
import type { RideContext } from '../lane-rides/ride-context.ts'
import type { Mode } from '../modes/pool-mode.ts'
import { inMode, type Narrowing } from '../route/in-mode.ts'
import type { Consistency } from '../session/consistency.ts'
import type { SessionState } from '../session/session-state.ts'
import type { LearnedWrites } from '../statement/learned-writes.ts'
import type { WalkEngine } from '../walk/execution-types.ts'
import type { WriteGuard } from '../write-guard/before-write-hook.ts'

/** What running a statement needs from its pool. */
export interface Engine extends RideContext, WalkEngine {
  /** There is one server, and at most one connection to it: statements of `pool.query` can share a transaction. */
  readonly single: boolean
  readonly statements: LearnedWrites
  /** There may be several servers: the list has them, or `servers` may name them. */
  readonly hasChoice: boolean
  /** What the caller's reads must show, and who wants to know who has answered him, from the async context. */
  currentConsistency(): Consistency | undefined
  currentWitness(): Witness | undefined
  /** The caller's guard, from the async context. */
  writeGuard(): WriteGuard | undefined
  /** Takes an idle connection; `undefined` if there is none, or none that the caller would have. */
  take(server: string, purpose: Purpose, preference?: Preference): Lease | undefined
  /**
   * Waits for a connection. To be called when `take` has found none.
   *
   * @throws `NoConnectionError` when no connection can be had, the signal's reason when it is aborted, `SHARES` when the caller shares a
   * connection with others instead.
   */
  acquire(server: string, wanted: Wanted, signal: AbortSignal | undefined): Promise<Lease>
  /** The pool's `timeoutMs`; `undefined`: no limit. */
  readonly timeoutMs: number | undefined
  /** The pool's option `types`: what reads its results may throw. */
  readonly ownTypes: boolean
  /** The use of a text on one connection that is the first under a name; `undefined`: none has one. */
  readonly prepareFrom: number | undefined
  readonly list: ListState
  readonly modes: ModesInForce
  /** Takes what {@link Narrowing.instead} would have done. */
  readonly observer: Observer
  /**
   * Waits for a server that has said, after `since`, that it takes writes, or for the first list, for what is left of `failoverTimeoutMs`.
   */
  waitForWriter(since: number, waitedMs: number, signal: AbortSignal | undefined): Promise<boolean>
  /** `undefined` while nobody listens, so that no event is built in vain. */
  readonly onQuery: ((event: QueryEvent) => void) | undefined
  /** `undefined` while nobody subscribes. */
  readonly trace: Trace | undefined
}

/** Which mode a statement runs in, by its session. */
export interface ModesInForce {
  /** The mode of all sessions; `undefined`: not all are in the same. */
  readonly uniform: Mode | undefined
  of(session: OwnSession): Mode
}

/** Where a pool, or a handle of it, runs its statements. */
export interface Scope extends Narrowing {
  /** The handle's session, which takes precedence over the async context. */
  readonly session?: SessionState | undefined
}

/** The session that a statement belongs to; `undefined`: the process's. */
export type OwnSession = SessionState | undefined

/** To be asked in the async context of the caller. */
export function ownSession(engine: Engine, { session }: Scope): OwnSession {
  return session ?? engine.currentSession()
}

/** What the mode of now makes of a scope. To be asked in the async context of the caller. */
export function scopeNow(engine: Engine, scope: Scope): Scope {
  return scopeOf(engine, scope, () => ownSession(engine, scope))
}

/** The same for a statement whose session is known. */
export function scopeOf({ modes }: Engine, scope: Scope, session: () => OwnSession): Scope {
  const mode = modes.uniform ?? modes.of(session())
  return mode === 'normal' ? scope : inMode(scope, mode)
}
