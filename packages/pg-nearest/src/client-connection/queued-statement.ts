import type { ServedBy } from '../events/served-by.ts'
import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import type { Request } from '../route/request.ts'
import type { OwnSession } from '../execute/engine.ts'
import type { WriteGuard } from '../write-guard/write-guard.ts'
import type { StatementNeed } from '../statement/statement-class.ts'
import type { StatementResult } from '../wire/exchange.ts'

/** An entry of the queue. */
export interface Turn {
  /** It may be sent before those ahead of it are answered. */
  readonly pipelined: boolean
  /** Others may be sent before it is answered, because it does not end a transaction. */
  readonly followable: boolean
  /** Called once, when it stops waiting: it is started, is sent together with another, or was removed. */
  onLeft?(): void
  /** Runs it. Resolves, and never rejects, when it has ended, with a function that hands its outcome to the caller. */
  start(): Promise<() => void>
}

/** A result, and which server gave it. */
export interface Serving {
  readonly result: StatementResult
  readonly servedBy: ServedBy
}

/** A statement of a borrowed client. */
export interface QueuedStatement extends Turn {
  readonly request: Request
  readonly need: StatementNeed
  /** By `performance.now()`; 0 without `query_timeout`, because reading the clock costs something. */
  readonly givenAt: number
  /** Milliseconds from when it was given. */
  readonly queryTimeoutMs: number | undefined
  /** The session that it was given in. */
  readonly own: OwnSession
  /** What it was given under. */
  readonly guard: WriteGuard | undefined
  readonly check: FreshnessCheck | undefined
  readonly settle: (serving: Serving) => void
  /** Only the first call of `settle` or `fail` has an effect. */
  readonly fail: (error: unknown) => void
}

/** Resolves, when the work has ended, with a function that hands its outcome to the caller. */
export function delivering(
  work: Promise<Serving>,
  { settle, fail }: Pick<QueuedStatement, 'settle' | 'fail'>,
): Promise<() => void> {
  return work.then(
    (serving) => () => settle(serving),
    (error: unknown) => () => fail(error),
  )
}
