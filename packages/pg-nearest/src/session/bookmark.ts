/** A position in a cluster's history: everything up to here must be visible. */
export interface Bookmark {
  /** Names the cluster: servers that replicate from each other share it. 64 bits, as PostgreSQL prints them. */
  readonly systemIdentifier: string
  /** The history that the position belongs to. A promotion begins the next one. */
  readonly timeline: number
  readonly lsn: bigint
  /** The primary itself has named the timeline. A standby may learn late that it follows another one. */
  readonly certain?: true
}

/** How far the histories agree. */
export interface Forks {
  /**
   * Everything of this timeline up to here is in the later one, too; beyond it, perhaps not. `undefined`: nobody was watching
   * when the later one began.
   */
  keptOf(timeline: number, later: number): bigint | undefined
}

/** Where a server was seen to be. */
export interface Standpoint {
  readonly systemIdentifier: string | undefined
  readonly timeline: number | undefined
  readonly lsn: bigint | undefined
}

/**
 * Whether a server shows everything up to a bookmark.
 *
 * - `yes`: it is on the bookmark's timeline or a later one, and has that position.
 * - `no`: it was behind when it was seen; it may have caught up since.
 * - `older`: it is still on an older timeline, where positions mean something else.
 * - `lost`: it is on a later timeline, which may have begun before that position.
 * - `foreign`: the bookmark is another cluster's and says nothing here.
 * - `unknown`: the server has not said where it is.
 */
export type Showing = 'yes' | 'no' | 'older' | 'lost' | 'foreign' | 'unknown'

export function shows(at: Standpoint | undefined, bookmark: Bookmark, forks: Forks): Showing {
  if (at?.systemIdentifier === undefined || at.timeline === undefined || at.lsn === undefined) return 'unknown'
  if (at.systemIdentifier !== bookmark.systemIdentifier) return 'foreign'
  if (at.timeline < bookmark.timeline) return 'older'
  if (at.timeline > bookmark.timeline && bookmark.certain === true) {
    const kept = forks.keptOf(bookmark.timeline, at.timeline)
    if (kept !== undefined && kept < bookmark.lsn) return 'lost'
  }
  return at.lsn >= bookmark.lsn ? 'yes' : 'no'
}

/**
 * The later of two positions of one cluster. A later timeline comes after every position of an earlier one: what had been
 * written beyond the promotion is lost, and nobody waits for it any more. Of two clusters the second one's holds.
 */
export function laterBookmark(a: Bookmark | undefined, b: Bookmark): Bookmark {
  if (a === undefined || a.systemIdentifier !== b.systemIdentifier) return b
  if (a.timeline !== b.timeline) return a.timeline > b.timeline ? a : b
  return a.lsn > b.lsn ? a : b
}
