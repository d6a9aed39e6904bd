/** A position in a cluster's history: everything up to here must be visible. */
export interface Bookmark {
  /** Identifies the cluster: servers that replicate from each other share it. 64 bits, in decimal. */
  readonly systemIdentifier: string
  /** The timeline that the position belongs to. A promotion begins a new one. */
  readonly timeline: number
  readonly lsn: bigint
  /** The timeline comes from the primary itself. A standby may notice late that it follows another one. */
  readonly certain?: true
}

/** Which timelines there are, and how far they agree. */
export interface Forks {
  /** The latest that any server is known to be on; 0 if none is known. */
  latestTimeline(): number
  /**
   * The position up to which the later timeline surely contains the earlier one. `undefined` if it was not watched when the later
   * one began.
   */
  forkPositionOf(timeline: number, later: number): bigint | undefined
}

/** A server's position when it was last seen. */
export interface ServerPosition {
  readonly systemIdentifier: string | undefined
  readonly timeline: number | undefined
  readonly lsn: bigint | undefined
  /** It tells late that it follows a later timeline. */
  readonly standby?: boolean
}

/**
 * Whether a server shows everything up to a bookmark.
 *
 * - `yes`: it is on the bookmark's timeline or a later one, and has reached the position.
 * - `no`: it was behind when it was last seen, and may have caught up since.
 * - `older`: it is still on an older timeline, where positions mean something else.
 * - `lost`: it is on a later timeline, which may have begun before the position; or, as a standby, may be.
 * - `foreign`: the bookmark belongs to another cluster.
 * - `unknown`: the server's position is not known.
 */
export type Showing = 'yes' | 'no' | 'older' | 'lost' | 'foreign' | 'unknown'

export function shows(at: ServerPosition | undefined, bookmark: Bookmark, forks: Forks): Showing {
  if (at?.systemIdentifier === undefined || at.timeline === undefined || at.lsn === undefined) return 'unknown'
  if (at.systemIdentifier !== bookmark.systemIdentifier) return 'foreign'
  if (at.timeline < bookmark.timeline) return 'older'
  if (bookmark.certain === true) {
    const timeline = at.standby === true ? Math.max(at.timeline, forks.latestTimeline()) : at.timeline
    const kept = timeline > bookmark.timeline ? forks.forkPositionOf(bookmark.timeline, timeline) : undefined
    if (kept !== undefined && kept < bookmark.lsn) return 'lost'
  }
  return at.lsn >= bookmark.lsn ? 'yes' : 'no'
}

/** Whether a promotion lies between them. */
export function isOfLaterTimeline({ systemIdentifier, timeline }: Bookmark, than: Bookmark | undefined): boolean {
  return than !== undefined && than.systemIdentifier === systemIdentifier && than.timeline < timeline
}

/**
 * The later of two positions. A later timeline comes after every position of an earlier one, because what was written there after
 * the promotion is lost. If they belong to different clusters, returns the second.
 */
export function laterBookmark(a: Bookmark | undefined, b: Bookmark): Bookmark {
  if (a === undefined || a.systemIdentifier !== b.systemIdentifier) return b
  if (a.timeline !== b.timeline) return a.timeline > b.timeline ? a : b
  return a.lsn > b.lsn ? a : b
}
