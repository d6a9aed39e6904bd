import type { Candidate } from '../errors.ts'
import type { ServedBy } from '../events/served-by.ts'
import type { BehindError } from '../freshness/behind-error.ts'
import type { Evidence } from '../route/failure-meaning.ts'
import type { Attempt } from '../route/plan.ts'
import type { WalkFacts } from './walk-state.ts'

/** Which server it was in the end, and how many were tried. */
export type Arrival = Omit<ServedBy, 'region'>

/** Asked with a connection in hand, before anything is sent on it. */
export type Admit = (provenStandby: boolean) => 'as-is' | 'read-only' | 'no'

/**
 * How one attempt ended.
 *
 * - `result`: with this, on a standby or not.
 * - `failed`: see {@link Evidence}. `forced`: it was kept from writing.
 * - `not-admitted`: nothing was sent, for somebody else runs it.
 * - `replan`: nothing was sent, for what it must show is not what it was when it was planned.
 * - `cut`: by the caller's own signal or time-out.
 */
export type AttemptEnd<R> =
  | { readonly kind: 'result'; readonly result: R; readonly standby: boolean }
  | {
      readonly kind: 'failed'
      readonly evidence: Evidence
      readonly standby: boolean
      readonly forced: boolean
      /** Of the connection; `undefined` if there was none. */
      readonly generation: number | undefined
    }
  | { readonly kind: 'not-admitted' }
  | { readonly kind: 'replan' }
  | { readonly kind: 'cut'; readonly error: unknown }

/** A statement that is tried on one server after the other, and what it takes to run it there. */
export interface Execution<R, T> {
  readonly facts: WalkFacts
  /** Without its values: it may stand in an error. */
  readonly text: string
  readonly signal: AbortSignal | undefined
  readonly attempts: readonly Attempt[]
  /** Nobody could run it: whether it is worth waiting for a primary. */
  mayAwaitPrimary(): boolean
  /** Where to go when somebody was promoted, or the session has learned something. */
  replan(): readonly Attempt[]
  /** Where to go when a standby could not. */
  primaries(): readonly Attempt[]
  /** Tries it on one server, and calls back once, perhaps at once. When `signal` is aborted it is cancelled there. */
  attempt(attempt: Attempt, admit: Admit, signal: AbortSignal | undefined, onEnd: (end: AttemptEnd<R>) => void): void
  /** The server does not show what it must: whether it soon will, so that it is asked again. */
  catchesUp(behind: BehindError): Promise<boolean>
  /** A standby refused this text and only a primary can run it. */
  learn(): void
  /** It has its result. Returns what the walk resolves with. */
  succeeded(result: R, arrival: Arrival): T
  /** Evidence for the monitor: a connection to this server was lost, or it is not what it was taken for. */
  report(server: string, generation: number, sign: 'lost' | 'role', error: unknown): void
  /** Whether what was sent before may be sent once more. */
  mayResend(): boolean
  /** Whether a server that takes writes was heard of after `since` (in milliseconds since the epoch), or is within the time. */
  findWriter(since: number, waitedMs: number, signal: AbortSignal | undefined): Promise<boolean>
  /** All servers, for an error. */
  candidates(): readonly Candidate[]
  /** When and where a second server is asked, too; `undefined`: never. */
  hedge?(): HedgePlan | undefined
}

export interface HedgePlan {
  readonly afterMs: number
  /** Counts it; `false`: the budget is spent. */
  take(): boolean
  attempts(): readonly Attempt[]
}
