/** How much a pool may ask again of what it was asked: retries beyond it would make an outage worse. */
export interface RetryBudget {
  /** A statement begins. */
  deposit(): void
  /** Whether one more try of something that was sent before may be made; if so, it is counted. */
  withdraw(): boolean
}

/** Each statement pays for a fifth of a retry. */
const SHARE = 0.2
/** A server that dies with all its connections in use is no outage: so many retries are free at any time. */
const RESERVE = 100
/** As if of the last ten seconds or so, in busy pools. */
const MOST = 1_000

/** A bucket of tokens, as Finagle's and gRPC's. */
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
