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
  /** What the machine told last as a primary. */
  asPrimary(machine: string): Sighting | undefined
  /** What was heard last of a server before a connection to it was lost. */
  beforeLoss(server: string): Sighting | undefined
}

/**
 * Whose position shows what was read at home: its own, or, where it may have restarted, that of the primary, which has all that home has shown, unless
 * a promotion lies between: what that has lost only a statement on the primary can find out.
 */
export function settlingHome(
  { server, machine, epoch }: Home,
  positions: HomePositions,
  primary: string | undefined,
): Sighting | undefined {
  if (epoch === positions.epochOf(server)) return positions.at(server, machine)
  const last = positions.asPrimary(machine) ?? positions.beforeLoss(server)
  const seen = primary === undefined ? undefined : positions.of(primary)
  if (last === undefined || seen === undefined || seen.standby) return undefined
  return seen.systemIdentifier === last.systemIdentifier && seen.timeline === last.timeline ? seen : undefined
}
