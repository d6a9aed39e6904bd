/** Limits a pool's retries to a share of its statements, because more would make an outage worse. */
export interface RetryBudget {
  /** A statement begins. */
  deposit(): void
  /** Whether one more retry is allowed; if so, it is spent. */
  withdraw(): boolean
}

/** Each statement pays for a fifth of a retry. */
const SHARE = 0.2
/** Retries that are available from the start, enough for one server dying with all its connections in use. */
const RESERVE = 100
/** The bucket's capacity. */
const MOST = 1_000

/** A token bucket, like those of Finagle and gRPC. */
export function createRetryBudget(reserve: number = RESERVE): RetryBudget {
  let tokens = reserve
  return {
    deposit() {
      if (tokens < MOST) tokens += SHARE
    },
    withdraw() {
      if (tokens < 1) return false
      tokens--
      return true
    },
  }
}
