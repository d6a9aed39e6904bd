export interface Timeline {
  /** Identifies the cluster: servers that replicate from each other share it. 64 bits, in decimal. */
  readonly systemIdentifier: string
  /** A promotion begins a new one. */
  readonly timeline: number
}

/** A position in a cluster's history: everything up to here must be visible. */
export interface Bookmark extends Timeline {
  /** 0: the beginning of the timeline, of which nothing else is known. */
  readonly lsn: bigint
  /**
   * Up to here, at most `lsn`, a primary has told of the timeline: this part a later timeline may be known to lack. What is beyond comes from a
   * standby, which may notice late that it follows another one.
   */
  readonly certainLsn?: bigint
}

/** Which timelines there are in a cluster, and how far they agree. */
export interface Timelines {
  /** The latest that is known to have begun; 0 if none is. */
  latest(): number
  /** The position up to which the later timeline surely contains the earlier one; `undefined` if that is not known. */
  forkPositionOf(timeline: number, later: number): bigint | undefined
  /** No more can be found out of it: its primary has told, or cannot be reached from here. */
  isSettled(timeline: number): boolean
}

export interface Forks {
  /** `undefined` if nothing is known of the cluster. */
  timelinesOf(systemIdentifier: string): Timelines | undefined
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
  if (mayHaveLost(at.timeline, at.standby, bookmark, forks)) return 'lost'
  return at.lsn >= bookmark.lsn ? 'yes' : 'no'
}

function mayHaveLost(
  told: number,
  standby: boolean | undefined,
  { systemIdentifier, timeline, certainLsn }: Bookmark,
  forks: Forks,
): boolean {
  const timelines = certainLsn === undefined ? undefined : forks.timelinesOf(systemIdentifier)
  if (certainLsn === undefined || timelines === undefined) return false
  const later = standby === true ? Math.max(told, timelines.latest()) : told
  if (later === timeline) return false
  const kept = timelines.forkPositionOf(timeline, later)
  return kept === undefined ? standby === true && !timelines.isSettled(later) : kept < certainLsn
}

/** Whether a promotion lies between them. */
export function isOfLaterTimeline({ systemIdentifier, timeline }: Bookmark, than: Bookmark | undefined): boolean {
  return than !== undefined && than.systemIdentifier === systemIdentifier && than.timeline < timeline
}

/** Whether they are the same position, however much of it is certain. */
export function isSamePosition(a: Bookmark, b: Bookmark | undefined): boolean {
  return b !== undefined && a.systemIdentifier === b.systemIdentifier && comparePositions(a, b) === 0
}

/** Compares two positions of one cluster, as {@link laterBookmark} does: above 0 if the first is later. */
export function comparePositions(a: Bookmark, b: Bookmark): number {
  if (a.timeline !== b.timeline) return a.timeline - b.timeline
  if (a.lsn === b.lsn) return 0
  return a.lsn > b.lsn ? 1 : -1
}

/** Whether the first is the later one, or the same. Of two clusters none is. */
export function reaches(a: Bookmark, b: Bookmark): boolean {
  return a.systemIdentifier === b.systemIdentifier && comparePositions(a, b) >= 0
}

/** Whether whoever shows the first shows the second, too, and would miss as much in a later timeline. */
export function covers(a: Bookmark, b: Bookmark): boolean {
  const isOneTimeline = a.systemIdentifier === b.systemIdentifier && a.timeline === b.timeline
  return comparePositions(a, b) >= 0 && (!isOneTimeline || (a.certainLsn ?? 0n) >= (b.certainLsn ?? 0n))
}

/**
 * The later of two positions, with what is certain of both. A later timeline comes after every position of an earlier one, because what was
 * written there after the promotion is lost. If they belong to different clusters, returns the second.
 */
export function laterBookmark(a: Bookmark | undefined, b: Bookmark): Bookmark {
  if (a === undefined || a.systemIdentifier !== b.systemIdentifier) return b
  const [later, earlier] = comparePositions(a, b) >= 0 ? [a, b] : [b, a]
  return covers(later, earlier) ? later : { ...later, certainLsn: earlier.certainLsn ?? 0n }
}

/** As a primary has told it. */
export function certainBookmark({ systemIdentifier, timeline, lsn }: Bookmark): Bookmark {
  return { systemIdentifier, timeline, lsn, certainLsn: lsn }
}
