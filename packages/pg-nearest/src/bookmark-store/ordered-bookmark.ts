import type { Bookmark, Timeline } from '../session/bookmark.ts'
import {
  formatBookmark,
  formatTimeBookmark,
  formatUnknownFrom,
  parseBookmark,
  parseTimeBookmark,
  parseUnknownFrom,
} from '../session/bookmark-text.ts'
import { mergeBookmarks, UNKNOWN_BOOKMARK, unknownBookmark } from '../session/merge-bookmarks.ts'

/**
 * A bookmark as a text whose order, byte by byte, is that of the positions, so that a store can keep the later one by itself. Only texts with
 * the same `group` can be compared.
 */
export interface OrderedBookmark {
  readonly text: string
  /** How the text begins: of one cluster. */
  readonly group: string
}

const DIGITS = 16
const MOST = 2n ** 64n

/** `undefined` for what is no bookmark. */
export function orderedBookmark(text: string): OrderedBookmark | undefined {
  const bookmark = parseBookmark(text)
  if (bookmark !== undefined) return ordered(bookmark)
  const time = parseTimeBookmark(text)
  return time === undefined ? undefined : { text: `t:${hex(time, DIGITS)}`, group: 't:' }
}

function ordered({ systemIdentifier, timeline, lsn, certainLsn = 0n }: Bookmark): OrderedBookmark {
  const group = `p:${systemIdentifier}:`
  return { text: `${group}${hex(timeline, 8)}:${hex(lsn, DIGITS)}:${hex(certainLsn, DIGITS)}`, group }
}

function hex(value: number | bigint, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

const POSITION = /^p:(\d{1,20}):([\da-f]{8}):([\da-f]{16}):([\da-f]{16}|[01])$/
const TIME = /^t:([\da-f]{16})$/

/** Reads what {@link orderedBookmark} made; `undefined` for anything else. Never throws. */
export function bookmarkInOrder(text: string): string | undefined {
  const [, time] = TIME.exec(text) ?? []
  if (time !== undefined) return valid(formatTimeBookmark(Number.parseInt(time, 16)))
  const [, systemIdentifier, timeline, lsn, certain] = POSITION.exec(text) ?? []
  if (systemIdentifier === undefined || BigInt(systemIdentifier) >= MOST) return undefined
  const position = { systemIdentifier, timeline: Number.parseInt(timeline ?? '', 16), lsn: BigInt(`0x${lsn}`) }
  // An earlier build wrote only whether all of it is certain.
  const certainLsn = certain === '1' ? position.lsn : BigInt(`0x${certain}`)
  return valid(formatBookmark(certainLsn === 0n ? position : { ...position, certainLsn }))
}

function valid(text: string): string | undefined {
  return orderedBookmark(text) === undefined ? undefined : text
}

/** Beside a bookmark: others were put that could not be compared with it, so that not even a timeline is known. The last in the order of doubts. */
export const UNLIKE = 'unlike'

/** What is put beside a bookmark where the position is not known: a text whose order, byte by byte, is that of the timelines. */
export function doubtOf(text: string): string {
  const from = parseUnknownFrom(text)
  return from === undefined ? UNKNOWN_BOOKMARK : `${UNKNOWN_BOOKMARK}:${from.systemIdentifier}:${hex(from.timeline, 8)}`
}

const DOUBT = /^unknown:(\d{1,20}):([\da-f]{8})$/

/** Reads what {@link doubtOf} made; `undefined` where that tells no timeline, and for anything else. Never throws. */
function timelineInOrder(text: string): Timeline | undefined {
  const [, systemIdentifier, timeline] = DOUBT.exec(text) ?? []
  if (systemIdentifier === undefined || BigInt(systemIdentifier) >= MOST) return undefined
  return parseUnknownFrom(formatUnknownFrom({ systemIdentifier, timeline: Number.parseInt(timeline ?? '', 16) }))
}

/** What a key begins with: `doubt` is what {@link doubtOf} made, or {@link UNLIKE}, and `kept` an {@link OrderedBookmark}, as far as they are there. */
export function bookmarkBeside(doubt: string | undefined, kept: string | undefined): string | undefined {
  const bookmark = kept === undefined ? undefined : (bookmarkInOrder(kept) ?? kept)
  if (doubt === undefined) return bookmark
  return doubt === UNLIKE ? UNKNOWN_BOOKMARK : mergeBookmarks([unknownBookmark(timelineInOrder(doubt)), bookmark])
}
