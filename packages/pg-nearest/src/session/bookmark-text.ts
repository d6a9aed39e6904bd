import type { Bookmark, Timeline } from './bookmark.ts'

const VERSION = 1
/** As version 1, but the timeline comes from the primary itself. */
const CERTAIN = 2
/** As version 1, and how far ahead of the position that ends which comes from the primary itself. */
const PARTLY_CERTAIN = 3
/** No position: a timeline alone. */
const TIMELINE = 4
/** Bytes ahead of the checksum. */
const CONTENT: Readonly<Record<number, number>> = { [VERSION]: 21, [CERTAIN]: 21, [PARTLY_CERTAIN]: 27, [TIMELINE]: 13 }
const CHECKSUM = 3
const LONGEST = 40
const MOST = 0xffff_ffff_ffff_ffffn
const MOST_AHEAD = 2n ** 48n

/**
 * A bookmark as text: 32 or 40 characters that are safe in a URL, a header and a cookie. Opaque: a later version may look different.
 */
export function formatBookmark({ systemIdentifier, timeline, lsn, certainLsn }: Bookmark): string {
  const ahead = certainLsn === undefined ? MOST_AHEAD : lsn - certainLsn
  const version = ahead === 0n ? CERTAIN : ahead < MOST_AHEAD ? PARTLY_CERTAIN : VERSION
  const bytes = begun(version, { systemIdentifier, timeline })
  bytes.writeBigUInt64BE(lsn, 13)
  if (version === PARTLY_CERTAIN) bytes.writeUIntBE(Number(ahead), 21, 6)
  return summed(bytes)
}

function begun(version: number, { systemIdentifier, timeline }: Timeline): Buffer {
  const bytes = Buffer.alloc((CONTENT[version] ?? 0) + CHECKSUM)
  bytes.writeUInt8(version, 0)
  bytes.writeBigUInt64BE(BigInt(systemIdentifier), 1)
  bytes.writeUInt32BE(timeline, 9)
  return bytes
}

function summed(bytes: Buffer): string {
  const content = bytes.length - CHECKSUM
  bytes.writeUIntBE(checksum(bytes, content), content, CHECKSUM)
  return bytes.toString('base64url')
}

/** Reads what {@link formatBookmark} wrote; `undefined` for anything else. Never throws. */
export function parseBookmark(text: unknown): Bookmark | undefined {
  const bytes = typeof text === 'string' ? checked(text) : undefined
  const version = bytes?.at(0)
  const timeline = bytes && timelineIn(bytes)
  if (bytes === undefined || timeline === undefined || version === TIMELINE) return undefined
  const lsn = bytes.readBigUInt64BE(13)
  if (lsn === 0n || lsn === MOST) return undefined
  const bookmark = { ...timeline, lsn }
  if (version === VERSION) return bookmark
  const ahead = version === PARTLY_CERTAIN ? BigInt(bytes.readUIntBE(21, 6)) : 0n
  return version === CERTAIN || (ahead > 0n && ahead < lsn) ? { ...bookmark, certainLsn: lsn - ahead } : undefined
}

/** `undefined` for what is cut short, changed, or of a later version. */
function checked(text: string): Buffer | undefined {
  if (text.length > LONGEST) return undefined
  const bytes = Buffer.from(text, 'base64url')
  // Decoding ignores invalid characters, so only the canonical spelling is accepted.
  const version = bytes.toString('base64url') === text ? bytes.at(0) : undefined
  const content = version === undefined ? undefined : CONTENT[version]
  if (content === undefined || bytes.length !== content + CHECKSUM) return undefined
  return bytes.readUIntBE(content, CHECKSUM) === checksum(bytes, content) ? bytes : undefined
}

function timelineIn(bytes: Buffer): Timeline | undefined {
  const [systemIdentifier, timeline] = [bytes.readBigUInt64BE(1), bytes.readUInt32BE(9)]
  if (systemIdentifier === 0n || timeline === 0) return undefined
  return { systemIdentifier: systemIdentifier.toString(), timeline }
}

const UNKNOWN = /^unknown-([\w-]{22})(?:~[\w-]*)?$/

/** A position that is not known, of this timeline or a later one. To an older version, and to whatever knows no timelines, it is just not known. */
export function formatUnknownFrom(timeline: Timeline): string {
  return `unknown-${summed(begun(TIMELINE, timeline))}`
}

/** Reads what {@link formatUnknownFrom} wrote, whatever stands behind a `~`: the beginning of the timeline. `undefined` for anything else. Never throws. */
export function parseUnknownFrom(text: unknown): Bookmark | undefined {
  const [, content = ''] = typeof text === 'string' ? (UNKNOWN.exec(text) ?? []) : []
  const bytes = checked(content)
  const timeline = bytes?.at(0) === TIMELINE ? timelineIn(bytes) : undefined
  return timeline && { ...timeline, lsn: 0n }
}

const TIME = /^t([0-9a-z]{6,9})(?:~[\w-]*)?$/

/** A moment by the primary's clock, in milliseconds since the epoch, where the primary tells no position. An older version cannot read it. */
export function formatTimeBookmark(time: number): string {
  return `t${Math.ceil(time).toString(36)}`
}

/** Reads what {@link formatTimeBookmark} wrote, whatever stands behind a `~`; `undefined` for anything else. Never throws. */
export function parseTimeBookmark(text: unknown): number | undefined {
  const [, time] = typeof text === 'string' ? (TIME.exec(text) ?? []) : []
  return time === undefined ? undefined : Number.parseInt(time, 36)
}

/**
 * FNV-1a, folded to 24 bits, so that a damaged text is not taken for an earlier position. It does not prevent forgery: see
 * `BookmarkSeal`.
 *
 * @see https://datatracker.ietf.org/doc/html/draft-eastlake-fnv
 */
function checksum(bytes: Buffer, length: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193)
  return ((hash >>> 24) ^ hash) & 0xffffff
}
