import type { ServedBy } from '../events/served-by.ts'
import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import type { Request } from '../route/request.ts'
import type { OwnSession } from '../execute/engine-interface.ts'
import type { WriteGuard } from '../write-guard/before-write-hook.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import type { RunLimits } from '../send/run-with-cancellation.ts'
import type { StatementResult } from '../wire/exchange.ts'

/** A result, and which server gave it. */
export interface Serving {
  readonly result: StatementResult
  readonly servedBy: ServedBy
}

/** A statement of a borrowed client. */
export interface QueuedStatement {
  readonly request: Request
  readonly need: StatementNeed
  /** What ends it: its own, and its client's. To be asked instead of that of `request`, which is only one of both. */
  readonly signal: AbortSignal | undefined
  /** By `performance.now()`; 0 without `query_timeout`, because reading the clock costs something. */
  readonly givenAt: number
  /** Milliseconds from when it was given. */
  readonly queryTimeoutMs: number | undefined
  /** The session that it was given in. */
  readonly own: OwnSession
  /** What it was given under. */
  readonly guard: WriteGuard | undefined
  /** Made when its turn has come: what is ahead of it may have written. */
  readonly check: FreshnessCheck | undefined
  settle(serving: Serving): void
  /** Only the first call of `settle` or `fail` has an effect. */
  fail(error: unknown): void
}

/** What ends a statement that is sent now. As in pg, `query_timeout` counts from when it was given. */
export function limitsOf({ signal, givenAt, queryTimeoutMs }: Omit<Waiting, 'fail'>): RunLimits {
  return { signal, timeoutMs: queryTimeoutMs && Math.max(1, givenAt + queryTimeoutMs - performance.now()) }
}

/** What waits for another one to be sent ahead of it: it has ended when its own time is over. */
export type Waiting = Pick<QueuedStatement, 'signal' | 'givenAt' | 'queryTimeoutMs' | 'fail'>

/** A BEGIN that has been answered already, as it is sent now: its own time begins again, and it takes of that of what waits for it. */
export function sentNow(
  { queryTimeoutMs: ownMs = Number.POSITIVE_INFINITY, own, guard }: QueuedStatement,
  { request, need, check }: Pick<QueuedStatement, 'request' | 'need' | 'check'>,
  waiting: Waiting,
): QueuedStatement {
  const { signal, timeoutMs = Number.POSITIVE_INFINITY } = limitsOf(waiting)
  const leastMs = Math.min(ownMs, timeoutMs)
  const queryTimeoutMs = Number.isFinite(leastMs) ? leastMs : undefined
  const fail = (error: unknown): void => waiting.fail(error)
  return { request, need, signal, givenAt: performance.now(), queryTimeoutMs, own, guard, check, settle: ignore, fail }
}

function ignore(): void {}
