import { laterBookmark, shows, type Bookmark, type Forks, type Standpoint } from './bookmark.ts'
import type { Consistency } from './consistency.ts'

/** A server whose reads need no position as long as the next ones go there, too: it never goes backwards by itself. */
export interface Home {
  readonly server: string
  /** Counts what may have made it begin anew. After a restart a standby may show less than before. */
  readonly epoch: number
}

/** What is known of a server, and when it was asked, in the milliseconds of one clock. */
export interface Sighting extends Standpoint {
  readonly at: number
  readonly standby: boolean
}

/** The primary's word on a position that it does not have. */
export interface LostPosition {
  readonly lost: Bookmark
  readonly now: Bookmark
}

/**
 * What a causal scope has written and seen: the next read must show it. Only memory: what may be read where is decided
 * elsewhere.
 */
export class SessionState {
  #bookmark: Bookmark | undefined
  /** Something was seen that no position is known for: until a statement that begins later than this ends on the primary. */
  #blindSince: number | undefined
  /** Statements under way, or of unknown outcome, that may still write what no position is known for. */
  #unsettled = 0
  #home: Home | undefined
  #homeUsedAt = 0
  #toldLost: Bookmark | undefined

  /** What its reads must show, if not what the pool says. */
  readonly consistency: Consistency | undefined
  /** Its first bookmark came from outside and was not signed: a position that nobody knows is told to nobody. */
  readonly trusted: boolean
  /** The bookmark that it began with, until a server was seen to show it, or the primary was asked. */
  #claim: Bookmark | undefined

  /** @param start - `'unknown'`: it has a history that nobody can read; the primary's word is needed first. */
  constructor(start?: Bookmark | 'unknown', consistency?: Consistency, trusted = true) {
    this.consistency = consistency
    this.trusted = trusted
    if (start === 'unknown') this.#blindSince = Number.NEGATIVE_INFINITY
    else this.#bookmark = this.#claim = start
  }

  /** What a read must show, wherever it runs; as far as it is known. */
  get bookmark(): Bookmark | undefined {
    return this.#bookmark
  }

  /** What was seen is not known: only the primary is sure to show it. */
  get blind(): boolean {
    return this.#blindSince !== undefined || this.#unsettled > 0
  }

  /** What it began with and nobody has confirmed. */
  get claim(): Bookmark | undefined {
    return this.#claim
  }

  /** A server shows it, so that it is no claim any more. */
  confirm(): void {
    this.#claim = undefined
  }

  /** The primary was asked, and does not know of the claim: the session goes on from where the primary is. */
  replaceClaim(position: Bookmark): void {
    if (this.#bookmark === this.#claim) this.#bookmark = position
    this.#claim = undefined
  }

  /** Where reads went of which no position is known. */
  get home(): Home | undefined {
    return this.#home
  }

  /** When the last read at home ended, by the clock of `useHome`. */
  get homeUsedAt(): number {
    return this.#homeUsedAt
  }

  show(position: Bookmark): void {
    this.#bookmark = laterBookmark(this.#bookmark, position)
  }

  /** Something was seen, and its position did not come back. */
  markUnknown(now: number): void {
    this.#blindSince = now
  }

  /**
   * Something begins that may write at any time until it has ended: nothing but the primary's answer to a later statement is sure
   * to show it. Returns what says that it has; once more does nothing.
   */
  beginUnsettled(): (now: number) => void {
    let open = true
    this.#unsettled++
    return (now) => {
      if (!open) return
      open = false
      this.#unsettled--
      this.markUnknown(now)
    }
  }

  /** A read ended there, and its position was not asked for. */
  useHome(server: string, epoch: number, now: number): void {
    // Two homes at once: what was seen at the one is no longer known.
    if (this.#home !== undefined && this.#home.server !== server) this.#blindSince = now
    if (this.#home?.server !== server || this.#home.epoch !== epoch) this.#home = { server, epoch }
    this.#homeUsedAt = now
  }

  /** Takes in where home was seen to be, if that was after its last read. */
  settleHome(seen: Sighting | undefined): void {
    if (seen === undefined || seen.at < this.#homeUsedAt) return
    const { systemIdentifier, timeline, lsn, standby } = seen
    if (systemIdentifier === undefined || timeline === undefined || lsn === undefined) return
    this.show(standby ? { systemIdentifier, timeline, lsn } : { systemIdentifier, timeline, lsn, certain: true })
    this.#home = undefined
  }

  /** Many statements may have waited for the same position: it is told once. */
  #isNews(lost: Bookmark): boolean {
    if (this.#toldLost !== undefined && laterBookmark(this.#toldLost, lost) === this.#toldLost) return false
    this.#toldLost = lost
    return true
  }

  /**
   * A statement that was sent at `sentAt` ran on the primary, which was at this position afterwards.
   *
   * @param required - what it had to show when it began. If the primary does not have that, it is lost: this session no
   *   longer waits for it.
   */
  arrivedAtPrimary(
    position: Bookmark,
    sentAt: number,
    required: Bookmark | undefined,
    forks: Forks,
  ): LostPosition | undefined {
    if (this.#blindSince !== undefined && this.#blindSince <= sentAt) this.#blindSince = undefined
    if (this.#home !== undefined && this.#homeUsedAt <= sentAt) this.#home = undefined
    this.#claim = undefined
    const showing = required === undefined ? 'yes' : shows(position, required, forks)
    const lost = showing === 'no' || showing === 'lost' ? required : undefined
    if (lost === undefined || isLater(this.#bookmark, lost)) {
      this.show(position)
    } else {
      // What was merged into the lost position meanwhile cannot be told from it: the next read asks the primary as well.
      this.#bookmark = position
      this.#blindSince = sentAt
    }
    return lost === undefined || !this.#isNews(lost) ? undefined : { lost, now: position }
  }
}

function isLater(a: Bookmark | undefined, b: Bookmark): boolean {
  return a === undefined || laterBookmark(a, b) !== b
}
