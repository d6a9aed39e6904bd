import { isOfLaterTimeline, type Bookmark } from './bookmark.ts'
import type { SessionPeer } from './session-peer.ts'
import { SessionState } from './session-state.ts'

/** A session whose writes are those of its peers, too. What it reads it keeps to itself. */
export class ProcessSessionState extends SessionState {
  readonly #now: () => number
  #peers: readonly SessionPeer[] = []

  constructor(now: () => number) {
    super()
    this.#now = now
  }

  /** What peers tell. It is not told again: whoever knows it has told all. */
  readonly peer: SessionPeer = {
    show: (position) => this.#showOfPeer(position),
    forgetTimeline: (lost, now) => super.forgetTimeline(lost, now),
    markUnknown: (now) => super.markUnknown(now),
    beginUnsettled: () => super.beginUnsettled(),
  }

  /** The other's list may name servers that this pool's does not. */
  #showOfPeer(position: Bookmark): void {
    const now = this.#now()
    if (isOfLaterTimeline(position, this.bookmark)) this.awaitTimeline(position, now, undefined)
    else this.show(position, undefined)
  }

  /** These are its peers from now on. Those who come are told what there is. */
  usePeers(peers: readonly SessionPeer[], now: number): void {
    const coming = peers.filter((each) => !this.#peers.includes(each))
    this.#peers = peers
    for (const each of coming) {
      if (this.bookmark !== undefined) each.show(this.bookmark)
      if (this.awaited !== undefined) each.show(this.awaited)
      // What it wrote at its usual server has no known position.
      if (this.blind || (this.wrote && this.home !== undefined)) each.markUnknown(now)
    }
  }

  /** Something was written at this position. */
  tellPeers(position: Bookmark): void {
    for (const each of this.#peers) each.show(position)
  }

  override forgetTimeline(lost: Bookmark, now: number): void {
    super.forgetTimeline(lost, now)
    for (const each of this.#peers) each.forgetTimeline(lost, now)
  }

  get hasPeers(): boolean {
    return this.#peers.length > 0
  }

  /** Something was written at a position that is not known, and that it reads from itself. */
  tellPeersUnknown(now: number): void {
    for (const each of this.#peers) each.markUnknown(now)
  }

  override markUnknown(now: number): void {
    super.markUnknown(now)
    this.tellPeersUnknown(now)
  }

  override beginUnsettled(): (now: number) => void {
    const settle = [super.beginUnsettled(), ...this.#peers.map((each) => each.beginUnsettled())]
    return (now) => {
      for (const each of settle) each(now)
    }
  }
}
