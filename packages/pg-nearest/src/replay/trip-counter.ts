/** Counts the times that a request has waited for the primary, one after the other. */
export interface TripCounter {
  /** A statement on the primary, from when to when, in milliseconds. */
  note(start: number, end: number): void
  readonly trips: number
  /** Milliseconds that it has waited in all. */
  readonly waitedMs: number
}

/** What runs at the same time counts once. Statements are noted in the order in which they end. */
export function createTripCounter(): TripCounter {
  let trips = 0
  let waitedUntil = Number.NEGATIVE_INFINITY
  let waitedMs = 0
  let countedUntil = Number.NEGATIVE_INFINITY
  return {
    note(start, end) {
      waitedMs += Math.max(0, end - Math.max(start, countedUntil))
      countedUntil = Math.max(end, countedUntil)
      if (start >= waitedUntil) {
        trips++
        waitedUntil = end
      }
    },
    get trips() {
      return trips
    },
    get waitedMs() {
      return waitedMs
    },
  }
}
