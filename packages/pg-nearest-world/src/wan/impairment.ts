/** A chunk of bytes, or a connection event such as its end, on its way through a link in one direction. */
export interface Packet {
  readonly bytes: number
  /** When it was sent, in milliseconds of `performance.now()`. */
  readonly sentAt: number
}

/** One thing that a network does to traffic, such as latency or a partition. One file each; see CREATING_FAULTS.md. */
export interface Impairment {
  /**
   * When a packet arrives that would arrive at `due` without this impairment: at `due` or later, or `Infinity` for "not until
   * the conditions change". Called in the order of sending.
   */
  arrival(packet: Packet, due: number): number
  /** Everything that has not arrived is sent again: `arrival` is called anew for each packet, so reset any counters. */
  restart?(): void
}
