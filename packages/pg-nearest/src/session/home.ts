import type { Forks, ServerPosition } from './bookmark.ts'

/** The machine that a session reads from without asking for positions: it never goes backwards by itself. */
export interface Home {
  readonly server: string
  /** The server's name may lead to several. */
  readonly machine: string
  /** Changes when the server may have restarted: a restarted standby may show less than before. */
  readonly epoch: number
}

/** A server's position, and when it was asked for, by `performance.now()`. */
interface Sighting extends ServerPosition {
  readonly at: number
  readonly standby: boolean
}

export interface HomePositions extends Forks {
  of(server: string): Sighting | undefined
  at(server: string, machine: string): Sighting | undefined
  /** See {@link Home.epoch}. */
  epochOf(server: string): number
}
