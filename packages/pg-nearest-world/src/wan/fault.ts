/** Something on its way through a link, in one direction. */
export interface Parcel {
  readonly bytes: number
  /** When it left, in milliseconds of `performance.now()`. */
  readonly leftAt: number
}

/** One thing that a distance, or bad luck, does to what travels. One file each; see CREATING_FAULTS.md. */
export interface Fault {
  /**
   * When a parcel arrives that would arrive at `due` without this fault: then, or later; `Infinity` for not before the
   * conditions change. Called in the order of sending.
   */
  arrival(parcel: Parcel, due: number): number
  /** All that has not arrived sets out again: `arrival` is called anew for each, and what was counted so far is void. */
  restart?(): void
}
