/**
 * Why a statement is sent again.
 *
 * - `loss`: its connection died, or could not run it.
 * - `lag`: a replica has failed it, maybe for lack of what the primary has. Anybody's wrong input may look like that, so it has a share
 *   of its own, and takes nothing from what losses need.
 */
export type RetryReason = 'loss' | 'lag'

/** Limits a pool's retries to a share of its statements, because more would make an outage worse. */
export interface RetryBudget {
  /** A statement begins. */
  deposit(): void
  /** Whether one more retry is allowed; if so, it is spent. */
  withdraw(why?: RetryReason): boolean
  /** It was not in vain: the replica did lag, as the primary has run it. What would have gone there anyway is no retry. */
  refund(why: RetryReason): void
}

/** Each statement pays for a fifth of a retry, for either reason. */
const SHARE = 0.2
/** Retries that are available from the start, enough for one server dying with all its connections in use. */
const RESERVE = 100
/** Enough for what is in flight on a busy process when a migration has just been made. */
const LAG_RESERVE = 500
/** The bucket's capacity. */
const MOST = 1_000

/** Token buckets, like those of Finagle and gRPC. */
export function createRetryBudget(reserve: number = RESERVE, lagReserve: number = LAG_RESERVE): RetryBudget {
  const tokens = { loss: reserve, lag: lagReserve }
  const add = (why: RetryReason, more: number): void => {
    if (tokens[why] < MOST) tokens[why] += more
  }
  return {
    deposit() {
      add('loss', SHARE)
      add('lag', SHARE)
    },
    withdraw(why = 'loss') {
      if (tokens[why] < 1) return false
      tokens[why]--
      return true
    },
    refund: (why) => add(why, 1),
  }
}
