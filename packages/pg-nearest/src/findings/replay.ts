/** What a replica itself says of its replay. */
export interface Replay {
  readonly paused: boolean
  /** How long ago the last commit that it shows was made, by the two servers' clocks; `undefined` if it has replayed none. */
  readonly ageMs: number | undefined
}
