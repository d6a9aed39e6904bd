import type { Bookmark } from '../session/bookmark.ts'
import { formatBookmark, formatTimeBookmark, parseBookmark, parseTimeBookmark } from '../session/bookmark-text.ts'

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
  if (systemIdentifier === undefined || BigInt(systemIdentifier) >= 2n ** 64n) return undefined
  const position = { systemIdentifier, timeline: Number.parseInt(timeline ?? '', 16), lsn: BigInt(`0x${lsn}`) }
  // An earlier build wrote only whether all of it is certain.
  const certainLsn = certain === '1' ? position.lsn : BigInt(`0x${certain}`)
  return valid(formatBookmark(certainLsn === 0n ? position : { ...position, certainLsn }))
}

function valid(text: string): string | undefined {
  return orderedBookmark(text) === undefined ? undefined : text
}
