import {
  certainBookmark,
  isOfLaterTimeline,
  isSamePosition,
  laterBookmark,
  reaches,
  shows,
  type Bookmark,
  type Forks,
  type ServerPosition,
  type Timeline,
} from './bookmark.ts'
import { settlingHome, type Home, type HomePositions } from './home.ts'
import { latestLost, UntoldLosses, type LostPosition } from './lost-position.ts'
import type { ModeLot } from '../modes/mode-rollout.ts'
import type { Consistency } from './consistency.ts'

interface AwaitedTimeline {
  readonly beginning: Bookmark
  readonly listedSince: number | undefined
}

/** How a session begins. */
export interface SessionBeginning {
  /** What its reads must show; `undefined`: as the pool says. */
  readonly consistency?: Consistency | undefined
  /** Whether the bookmark certainly comes from this app. Default true. */
  readonly trusted?: boolean | undefined
  /** What it must show in any case, whatever becomes of a bookmark that is not trusted. */
  readonly vouched?: Bookmark | undefined
  /** When, by `performance.now()`. Default: before anything was asked. */
  readonly beganAt?: number | undefined
  /** For `'unknown'`: up to when there may be something to show, by the primary's clock. */
  readonly knownUntil?: number | undefined
  /** What its mode depends on, where not all sessions are in the same. */
  readonly lot?: ModeLot | undefined
}

/**
 * What a session has written and seen, which its next read must show. Where it can be read is decided elsewhere.
 */
export class SessionState {
  #bookmark: Bookmark | undefined
  /** Since when the position is not known. A statement that is sent to the primary later than this makes it known again. */
  #blindSince: number | undefined
  /** How many statements may still write, or show what was written, at unknown positions. */
  #unsettled = 0
  #home: Home | undefined
  #homeUsedAt = 0
  #toldLost: Bookmark | undefined
  #unavailable = false
  #wrote = false
  #openWrites = 0
  readonly #onWritten: (() => void)[] = []

  /** What its reads must show; `undefined`: as the pool says. */
  readonly consistency: Consistency | undefined
  /** Whether the bookmark that it began with certainly comes from this app. */
  readonly trusted: boolean
  /** See {@link SessionBeginning.vouched}. */
  readonly vouched: Bookmark | undefined
  /** By `performance.now()`: what a server answers to a later question, it knows since the bookmark was made. */
  readonly beganAt: number
  /** See {@link SessionBeginning.knownUntil}. */
  readonly knownUntil: number | undefined
  readonly lot: ModeLot | undefined
  readonly losses: UntoldLosses = new UntoldLosses()
  /** The bookmark that it began with, until a server is seen to show it or the primary has answered. */
  #claim: Bookmark | undefined
  /** A claim that the primary did not know. */
  #replaced: Bookmark | undefined
  /** See {@link listedSince}. */
  #timelineSince: number | undefined
  #awaited: AwaitedTimeline | undefined

  /** @param start - `'unknown'`, or the beginning of a timeline: its position is not known, so that its first read asks the primary. */
  constructor(start?: Bookmark | 'unknown', beginning: SessionBeginning = {}) {
    const { consistency, trusted = true, vouched, beganAt = Number.NEGATIVE_INFINITY, knownUntil } = beginning
    this.lot = beginning.lot
    this.consistency = consistency
    this.trusted = trusted
    this.beganAt = this.#timelineSince = beganAt
    this.knownUntil = knownUntil
    if (start === 'unknown' || start?.lsn === 0n) this.#blindSince = Number.NEGATIVE_INFINITY
    this.#claim = start === 'unknown' ? undefined : start
    this.#bookmark = this.#claim ?? vouched
    this.vouched = vouched
  }

  /** One of its statements failed because nothing could be written, or no server be reached. */
  get unavailable(): boolean {
    return this.#unavailable
  }

  noteUnavailable(): void {
    this.#unavailable = true
  }

  /** Something may have been written in it. */
  get wrote(): boolean {
    return this.#wrote
  }

  noteWrite(): void {
    this.#wrote = true
  }

  /** What a read must show, as far as it is known. */
  get bookmark(): Bookmark | undefined {
    return this.#bookmark
  }

  /** The position is not known, so only the primary is sure to show it. */
  get blind(): boolean {
    return this.#blindSince !== undefined || this.#unsettled > 0
  }

  /** The latest timeline that it has seen something of: a primary of an older one does not show that. */
  get timeline(): Timeline | undefined {
    return this.awaited === undefined ? this.#bookmark : laterBookmark(this.#bookmark, this.awaited)
  }

  /** The bookmark that it began with is not confirmed, and comes from somebody whom nobody vouches for. */
  get isHearsay(): boolean {
    return this.#claim !== undefined && !this.trusted
  }

  /** The bookmark that it began with, while it is not confirmed. */
  get claim(): Bookmark | undefined {
    return this.#claim
  }

  /** Whether it is the claim's position: more of it may have become certain since. */
  isClaim(required: Bookmark): boolean {
    return isSamePosition(required, this.#claim)
  }

  /** A server shows the claim. */
  confirm(): void {
    this.#claim = undefined
  }

  /** It began with a history that nobody can read, and the primary has not been asked since. */
  get unreadable(): boolean {
    return this.#blindSince === Number.NEGATIVE_INFINITY
  }

  /** The primary was asked after the session had begun: whatever was seen before is not beyond its answer. */
  settleUnreadable(position: Bookmark, now: number): void {
    if (!this.unreadable) return
    this.show(position, now)
    this.#blindSince = this.#bookmark?.lsn === 0n ? now : undefined
  }

  /** The primary does not know what its reads had to show: the session goes on from the primary's position. */
  replace(required: Bookmark, position: Bookmark, now: number): void {
    if (isSamePosition(required, this.#bookmark)) {
      this.#bookmark = this.isClaim(required) ? laterBookmark(this.vouched, position) : position
      this.#timelineSince = now
    }
    this.#replaced = required
    if (this.isClaim(required)) this.#claim = undefined
  }

  /** Whether it has gone on without this. */
  hasReplaced(required: Bookmark): boolean {
    return required === this.#replaced
  }

  /**
   * Since when it has been known that a server of this pool's list is on a position's timeline, or was, by `performance.now()`. `undefined`
   * if that is not known.
   */
  listedSince(required: Bookmark): number | undefined {
    if (this.isClaim(required)) return this.beganAt
    if (isSamePosition(required, this.#bookmark)) return this.#timelineSince
    return required === this.#awaited?.beginning ? this.#awaited.listedSince : undefined
  }

  /** How many of its writes wait to be sent. */
  queuedWrites = 0

  /** Some of its writes have been given, and not been answered yet. */
  get writing(): boolean {
    return this.#openWrites > 0
  }

  /** Calls back once that is no longer so; at once if it is not. */
  whenWritten(callback: () => void): void {
    if (this.writing) this.#onWritten.push(callback)
    else callback()
  }

  openWrite(): void {
    this.#openWrites++
    this.onWrite?.()
  }

  closeWrite(): void {
    this.#openWrites--
    if (!this.writing) for (const callback of this.#onWritten.splice(0)) callback()
    this.onWrite?.()
  }

  /** Called whenever something that may write begins, and when it has ended. */
  onWrite: (() => void) | undefined

  /** The server of reads whose positions are not known. */
  get home(): Home | undefined {
    return this.#home
  }

  /** When the last read there ended. */
  get homeUsedAt(): number {
    return this.#homeUsedAt
  }

  /** @param listedAt - when a server of this pool's list said so, or before, by `performance.now()`. */
  show(position: Bookmark, listedAt: number | undefined): void {
    const before = this.#bookmark
    const after = (this.#bookmark = laterBookmark(before, position))
    if (after.timeline !== position.timeline) return
    this.#timelineSince = after.timeline === before?.timeline ? (this.#timelineSince ?? listedAt) : listedAt
  }

  /** A standby tells this that has run one of its statements. Behind a promotion only the primary knows what is lost: its next read asks it. */
  showOfStandby(position: Bookmark, sentAt: number, now: number, forks: Forks): void {
    if (!isOfLaterTimeline(position, this.#bookmark)) return this.show(position, sentAt)
    this.#showOf({ ...position, standby: true }, position, { sentAt, now, forks })
  }

  #showOf(
    server: ServerPosition,
    position: Bookmark,
    { sentAt, now, forks }: { readonly sentAt: number; readonly now: number; readonly forks: Forks },
  ): void {
    const before = this.#bookmark
    const isCrossed = before !== undefined && isOfLaterTimeline(position, before)
    if (isCrossed && shows(server, before, forks) !== 'yes') this.awaitTimeline(position, now, sentAt)
    else this.show(position, sentAt)
  }

  /**
   * Another session has this from the primary. Behind a promotion this one must find out itself whether what it has seen is lost, to be told:
   * its next read asks the primary.
   */
  showOfAnother(position: Bookmark, seen: Bookmark | undefined, now: number): void {
    if (isOfLaterTimeline(position, seen)) this.awaitTimeline(position, now, now)
    else this.show(position, now)
  }

  /** The beginning of the latest timeline that has to be shown, though no position on it is known: a primary of an older one does not show that. */
  get awaited(): Bookmark | undefined {
    return this.#awaited?.beginning
  }

  awaitTimeline({ systemIdentifier, timeline }: Timeline, now: number, listedSince: number | undefined): void {
    this.#blindSince = now
    const beginning = { systemIdentifier, timeline, lsn: 0n }
    const known = this.#awaited
    if (known !== undefined && isOfLaterTimeline(known.beginning, beginning)) return
    const isSame = known !== undefined && !isOfLaterTimeline(beginning, known.beginning)
    this.#awaited = { beginning, listedSince: isSame ? (known.listedSince ?? listedSince) : listedSince }
  }

  /** Nobody is on its timeline any more: what was only heard of that from others is nothing to wait for. */
  forgetTimeline(lost: Bookmark, now: number): void {
    const isLost = ({ systemIdentifier, timeline }: Bookmark): boolean =>
      systemIdentifier === lost.systemIdentifier && timeline <= lost.timeline
    if (this.awaited !== undefined && isLost(this.awaited)) this.#awaited = undefined
    if (this.#bookmark === undefined || this.#timelineSince !== undefined || !isLost(this.#bookmark)) return
    this.#bookmark = undefined
    this.#blindSince = now
  }

  /** Something was written or seen at an unknown position. */
  markUnknown(now: number): void {
    this.#blindSince = now
  }

  /**
   * Something begins that may write at unknown positions until it ends. Returns a function to call at its end; calling it again does
   * nothing.
   */
  beginUnsettled(): (now: number) => void {
    this.#wrote = true
    let open = true
    this.#unsettled++
    this.onWrite?.()
    return (now) => {
      if (!open) return
      open = false
      this.#unsettled--
      this.markUnknown(now)
      this.onWrite?.()
    }
  }

  /** The same for what shows, until it ends, what is at unknown positions: what they are is asked for by then. */
  beginShowing(): () => void {
    let open = true
    this.#unsettled++
    return () => {
      if (!open) return
      open = false
      this.#unsettled--
    }
  }

  /**
   * A read has ended on this machine, and its position was not asked for.
   *
   * @param isProven - it surely showed what the session had seen.
   */
  useHome(server: string, machine: string, epoch: number, now: number, isProven = true): void {
    const home = this.#home
    const isSame = home?.server === server && home.machine === machine
    // What was read on the previous one, or here before a restart, has no known position.
    if (home !== undefined && (!isSame || (!isProven && home.epoch !== epoch))) this.#blindSince = now
    if (!isSame || home.epoch !== epoch) this.#home = { server, machine, epoch }
    this.#homeUsedAt = now
  }

  /**
   * When the latest of what has no position was written or seen, by `performance.now()`. `undefined` if there is nothing of that kind, or
   * it is still going on.
   */
  get unpositionedAt(): number | undefined {
    if (this.#unsettled > 0 || this.unreadable) return undefined
    const seenAt = this.#home === undefined ? undefined : this.#homeUsedAt
    return this.#blindSince === undefined ? seenAt : Math.max(this.#blindSince, seenAt ?? 0)
  }

  /** What was written and seen before `time` is on every server. */
  settleUntil(time: number): void {
    const since = this.unreadable ? this.beganAt : this.#blindSince
    if (since !== undefined && since <= time) this.#blindSince = undefined
    if (this.#homeUsedAt <= time) this.#home = undefined
  }

  /** What it began with is on every server. */
  settleBeginning(): void {
    if (this.unreadable) this.#blindSince = undefined
  }

  /** Records the position of what was read at home, if it was asked for after the last read there. See {@link settlingHome}. */
  settleHome(positions: HomePositions, now: number, primary: string | undefined): void {
    const seen = this.#home && settlingHome(this.#home, positions, primary)
    if (seen === undefined || seen.at < this.#homeUsedAt) return
    const { systemIdentifier, timeline, lsn, standby } = seen
    if (systemIdentifier === undefined || timeline === undefined || lsn === undefined) return
    const position = { systemIdentifier, timeline, lsn }
    this.#showOf(seen, standby ? position : certainBookmark(position), { sentAt: seen.at, now, forks: positions })
    this.#home = undefined
  }

  /** It has seen a later timeline than a primary is on, which can tell it nothing, and whose writes are nowhere else. */
  isBeyond(primary: Bookmark, forks: Forks): boolean {
    const isOlder = (seen: Bookmark | undefined): boolean =>
      seen !== undefined && shows(primary, seen, forks) === 'older'
    return isOlder(this.#bookmark) || isOlder(this.awaited)
  }

  /** Several statements may have required the same position: its loss is reported once. */
  #isNews(lost: Bookmark): boolean {
    if (this.#toldLost !== undefined && reaches(this.#toldLost, lost)) return false
    this.#toldLost = lost
    return true
  }

  /**
   * A statement that was sent at `sentAt` has run on the primary, whose position was this afterwards.
   *
   * @param required - what it had to show. If the primary does not have that, it is lost, and the session no longer requires it.
   */
  arrivedAtPrimary(
    position: Bookmark,
    sentAt: number,
    required: Bookmark | undefined,
    forks: Forks,
  ): LostPosition | undefined {
    const isReplaced = this.isBeyond(position, forks)
    const seen = this.#claim === undefined || this.trusted ? this.#bookmark : undefined
    const lost = latestLost(position, required, seen, forks)
    if (this.#blindSince !== undefined && this.#blindSince <= sentAt && !isReplaced) this.#blindSince = undefined
    if (this.#home !== undefined && this.#homeUsedAt <= sentAt && !isReplaced) this.#home = undefined
    // A primary on an older timeline cannot tell.
    if (this.#claim !== undefined && shows(position, this.#claim, forks) !== 'older') this.#claim = undefined
    if (lost === undefined || this.#bookmark === undefined || !reaches(lost, this.#bookmark)) {
      this.show(position, sentAt)
    } else {
      // The lost position may have absorbed later ones meanwhile, so the next read asks the primary as well.
      this.#bookmark = position
      this.#timelineSince = sentAt
      this.#blindSince ??= sentAt
    }
    return lost === undefined || !this.#isNews(lost) ? undefined : { lost, now: position }
  }
}
