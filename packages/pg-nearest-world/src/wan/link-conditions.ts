/** What the link between two regions is like now, in both directions. A change applies to everything sent after it. */
export interface LinkConditions {
  rttMs: number
  /** A random delay of up to this much is added in each direction. */
  jitterMs: number
  /** In each direction, shared by all connections. */
  bytesPerSecond: number
  partitioned: boolean
}
