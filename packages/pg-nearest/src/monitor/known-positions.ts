/** Where a server was seen to be. */
export interface KnownPosition {
  readonly lsn: bigint
  readonly timeline: number | undefined
  readonly systemIdentifier: string | undefined
  readonly standby: boolean
  /** When it was asked, by `performance.now()`. */
  readonly at: number
}

/** How a server that is behind gets on. */
export interface Pace {
  readonly sinceMs: number
  readonly bytes: bigint
}

/** What a server has said of its position. */
export interface Seen {
  readonly lsn: bigint
  readonly at: number
  readonly standby: boolean
  readonly timeline?: number
  readonly systemIdentifier?: string
}

interface Stretch {
  readonly from: KnownPosition
  to: KnownPosition
}

/** The newest that is known of each server's position, from probes and from what statements bring along. */
export interface KnownPositions {
  of(server: string): KnownPosition | undefined
  /** Takes in an answer; what is not said stays as it was. An older answer than the one that is known is dropped. */
  note(server: string, seen: Seen): void
  /**
   * Everything of this timeline up to here is in the later one, too; beyond it, perhaps not: where whoever was promoted was last
   * seen as a standby. `undefined`: nobody was watching.
   */
  keptOf(timeline: number, later: number): bigint | undefined
  /** It was found behind at what is known of it now, or is not any more: what its pace is measured from. */
  noteBehind(server: string, behind: boolean): void
  /** `undefined` as long as it was not found behind twice. */
  paceOf(server: string): Pace | undefined
  /** A connection to it was lost: it may have begun anew, and a standby that did may show less than before. */
  noteLoss(server: string): void
  /** Where it was seen last before a connection to it was lost, the last time. */
  beforeLoss(server: string): KnownPosition | undefined
  /** Another server has this name now, or none. */
  forget(server: string): void
  /** How many connections to it were lost. */
  epochOf(server: string): number
}

export function createKnownPositions(): KnownPositions {
  const known = new Map<string, KnownPosition>()
  const stretches = new Map<string, Stretch>()
  const epochs = new Map<string, number>()
  const lastBeforeLoss = new Map<string, KnownPosition>()
  const forks = new Map<number, bigint>()
  return {
    of: (server) => known.get(server),
    note(server, { lsn, at, standby, timeline, systemIdentifier }) {
      const before = known.get(server)
      if (before !== undefined && before.at > at) return
      if (before?.standby === true && !standby && timeline !== undefined) forks.set(timeline, before.lsn)
      known.set(server, {
        lsn,
        at,
        standby,
        timeline: timeline ?? before?.timeline,
        systemIdentifier: systemIdentifier ?? before?.systemIdentifier,
      })
    },
    keptOf(timeline, later) {
      let kept: bigint | undefined
      for (const [fork, lsn] of forks) {
        if (fork > timeline && fork <= later && (kept === undefined || lsn < kept)) kept = lsn
      }
      return kept
    },
    noteBehind(server, behind) {
      const now = known.get(server)
      if (!behind || now === undefined) return void stretches.delete(server)
      const stretch = stretches.get(server)
      if (stretch === undefined) stretches.set(server, { from: now, to: now })
      else stretch.to = now
    },
    paceOf(server) {
      const stretch = stretches.get(server)
      if (stretch === undefined || stretch.to === stretch.from) return undefined
      return { sinceMs: stretch.to.at - stretch.from.at, bytes: stretch.to.lsn - stretch.from.lsn }
    },
    noteLoss(server) {
      epochs.set(server, (epochs.get(server) ?? 0) + 1)
      const last = known.get(server)
      if (last !== undefined) lastBeforeLoss.set(server, last)
    },
    forget(server) {
      epochs.set(server, (epochs.get(server) ?? 0) + 1)
      for (const each of [known, stretches, lastBeforeLoss]) each.delete(server)
    },
    beforeLoss: (server) => lastBeforeLoss.get(server),
    epochOf: (server) => epochs.get(server) ?? 0,
  }
}
