import type { Candidate } from '../errors.ts'
import type { ServedBy } from '../events/served-by.ts'
import type { ReplicaBehindError } from '../session-positions/replica-behind-error.ts'
import type { ListState } from '../failures/no-server-error.ts'
import type { Refusable } from '../limits/refusable.ts'
import type { RetryBudget } from '../limits/retry-budget.ts'
import type { ServerHealthSignal } from '../failures/server-health-signal-types.ts'
import type { Evidence } from '../route/failure-meaning.ts'
import type { Attempt } from '../route/plan-servers.ts'
import type { WalkFacts } from '../walk-states/walk-state.ts'

/** The server that answered, and how many were tried. */
export type Arrival = Omit<ServedBy, 'region'>

/** One attempt's end of the walk. One object instead of two closures, because that is measurable on short reads. */
export interface Turn<R> {
  /** Another server is left to be tried. */
  readonly hasNext: boolean
  /** To be asked when a connection has been taken, before anything is sent on it. */
  admit(provenStandby: boolean): 'as-is' | 'read-only' | 'no'
  /** To be called once. */
  end(end: AttemptEnd<R>): void
}

/**
 * How one attempt ended.
 *
 * - `result`: it succeeded.
 * - `failed`: see {@link Evidence}. `forced`: it was sent READ ONLY, because another attempt may have written, or because the server gets
 *   no writes.
 * - `not-admitted`: nothing was sent, because another leg is running it where it could write.
 * - `replan`: nothing was sent, because what it must show, or who gets writes, has changed since it was planned. `unlisted`: the server
 *   has left the list.
 * - `cut`: ended by the caller's signal or time-out.
 */
export type AttemptEnd<R> =
  | { readonly kind: 'result'; readonly result: R; readonly standby: boolean }
  | {
      readonly kind: 'failed'
      readonly evidence: Evidence
      readonly standby: boolean
      readonly forced: boolean
      /** The connection's generation; `undefined` if there was no connection. */
      readonly generation: number | undefined
    }
  | { readonly kind: 'not-admitted' }
  | { readonly kind: 'replan'; readonly unlisted?: true }
  | { readonly kind: 'cut'; readonly error: unknown }

/** What walks need from their pool. */
export interface WalkEngine {
  readonly budget: RetryBudget
  /** How often the list of servers has changed. */
  readonly lists: number
  /** Passes evidence to the monitor. */
  report(report: ServerHealthSignal<'lost' | 'role'>): void
}

/** A statement for `walk`, which tries it on one server after the other. */
export interface Execution<R, T> {
  readonly engine: WalkEngine
  readonly facts: WalkFacts
  /** Without values, because errors contain it. */
  readonly text: string
  readonly signal: AbortSignal | undefined
  readonly attempts: readonly Attempt[]
  /** How often the list of servers had changed when they were planned. */
  readonly lists: number
  /** Whether to wait for a primary if no server could run it. */
  mayAwaitPrimary(): boolean
  /** A new plan, after a promotion or after the session has learned something. */
  replan(): readonly Attempt[]
  /** The primaries, for a statement that a standby could not run. */
  primaries(): readonly Attempt[]
  /** Tries it on one server. Ends the turn once, possibly before it returns. Aborting the signal cancels it there. */
  attempt(attempt: Attempt, turn: Turn<R>, signal: AbortSignal | undefined): void
  /** Waits for a server that is behind. Resolves with whether to ask it again. */
  waitToCatchUp(behind: ReplicaBehindError): Promise<boolean>
  /** Remembers that only a primary can run this text. */
  learn(): void
  /** It has succeeded. Returns what the walk resolves with. */
  succeeded(result: R, arrival: Arrival): T
  /** Called when it has to wait for a server that takes writes, with what ends that. */
  onWait?(waiter: Refusable): void
  /** Waits for a server that has said, after `since` (by `clock.ts`), that it takes writes, or for the first list of servers. */
  waitForWriter(since: number, waitedMs: number, signal: AbortSignal | undefined): Promise<boolean>
  /** All servers, for an error's message. */
  candidates(): readonly Candidate[]
  listState(): ListState
  /** When and where to ask a second server, too; `undefined`: never. */
  hedge?(): HedgePlan | undefined
}

export interface HedgePlan {
  readonly afterMs: number
  /** Spends from the budget; `false` if it is empty. */
  take(): boolean
  attempts(): readonly Attempt[]
}
