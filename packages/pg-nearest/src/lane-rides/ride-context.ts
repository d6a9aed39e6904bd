import type { Lanes } from '../lanes/lanes.ts'
import type { Hedging } from '../limits/hedge-policy.ts'
import type { FreshnessContext } from '../session-positions/freshness-context.ts'

/** What a read that may share a connection needs from its pool. */
export interface RideContext extends FreshnessContext {
  /** `undefined` unless the option `lanes` is set. */
  readonly lanes: Lanes | undefined
  /** `undefined` unless the option `hedge` is set. */
  readonly hedging: Hedging | undefined
  /** The pool's `query_timeout`: milliseconds from sending a statement to its answer. */
  readonly queryTimeoutMs: number | undefined
}
