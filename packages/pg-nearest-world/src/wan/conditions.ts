/** What the way between two regions is like now, in both directions. Changes hold for whatever leaves after them. */
export interface Conditions {
  rttMs: number
  /** Up to this much is added in each direction, at random. */
  jitterMs: number
  /** Of each direction, shared by all connections. */
  bytesPerSecond: number
  partitioned: boolean
}
