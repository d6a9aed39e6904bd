/** Where a server was seen to be. */
export interface KnownPosition {
  readonly lsn: bigint
  readonly timeline: number | undefined
  readonly systemIdentifier: string | undefined
  /** When it was asked, by `performance.now()`. */
  readonly at: number
}

/** How a server that is behind gets on. */
export interface Pace {
  readonly sinceMs: number
  readonly bytes: bigint
}

interface Stretch {
  readonly from: KnownPosition
  to: KnownPosition
}

/** The newest that is known of each server's position, from probes and from what statements bring along. */
export interface KnownPositions {
  of(server: string): KnownPosition | undefined
  /** Takes in an answer; what is not said stays as it was. An older answer than the one that is known is dropped. */
  note(server: string, seen: { lsn: bigint; at: number; timeline?: number; systemIdentifier?: string }): void
  /** It was found behind at what is known of it now, or is not any more: what its pace is measured from. */
  noteBehind(server: string, behind: boolean): void
  /** `undefined` as long as it was not found behind twice. */
  paceOf(server: string): Pace | undefined
  /** A connection to it was lost: it may have begun anew, and a standby that did may show less than before. */
  noteLoss(server: string): void
  /** How many connections to it were lost. */
  epochOf(server: string): number
}

export function createKnownPositions(): KnownPositions {
  const known = new Map<string, KnownPosition>()
  const stretches = new Map<string, Stretch>()
  const epochs = new Map<string, number>()
  return {
    of: (server) => known.get(server),
    note(server, { lsn, at, timeline, systemIdentifier }) {
      const before = known.get(server)
      if (before !== undefined && before.at > at) return
      known.set(server, {
        lsn,
        at,
        timeline: timeline ?? before?.timeline,
        systemIdentifier: systemIdentifier ?? before?.systemIdentifier,
      })
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
    noteLoss: (server) => void epochs.set(server, (epochs.get(server) ?? 0) + 1),
    epochOf: (server) => epochs.get(server) ?? 0,
  }
}
