import type { Bookmark } from './bookmark.ts'

const VERSION = 1
/** As version 1, but the timeline comes from the primary itself. */
const CERTAIN = 2
/** As version 1, and how far ahead of the position that ends which comes from the primary itself. */
const PARTLY_CERTAIN = 3
/** Bytes ahead of the checksum. */
const CONTENT: Readonly<Record<number, number>> = { [VERSION]: 21, [CERTAIN]: 21, [PARTLY_CERTAIN]: 27 }
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
  const content = CONTENT[version] ?? 0
  const bytes = Buffer.alloc(content + CHECKSUM)
  bytes.writeUInt8(version, 0)
  bytes.writeBigUInt64BE(BigInt(systemIdentifier), 1)
  bytes.writeUInt32BE(timeline, 9)
  bytes.writeBigUInt64BE(lsn, 13)
  if (version === PARTLY_CERTAIN) bytes.writeUIntBE(Number(ahead), 21, 6)
  bytes.writeUIntBE(checksum(bytes, content), content, CHECKSUM)
  return bytes.toString('base64url')
}

/** Reads what {@link formatBookmark} wrote; `undefined` for anything else. Never throws. */
export function parseBookmark(text: unknown): Bookmark | undefined {
  if (typeof text !== 'string' || text.length > LONGEST) return undefined
  const bytes = Buffer.from(text, 'base64url')
  // Decoding ignores invalid characters, so only the canonical spelling is accepted.
  const version = bytes.toString('base64url') === text ? bytes.at(0) : undefined
  const content = version === undefined ? undefined : CONTENT[version]
  if (content === undefined || bytes.length !== content + CHECKSUM) return undefined
  if (bytes.readUIntBE(content, CHECKSUM) !== checksum(bytes, content)) return undefined
  const systemIdentifier = bytes.readBigUInt64BE(1)
  const timeline = bytes.readUInt32BE(9)
  const lsn = bytes.readBigUInt64BE(13)
  if (systemIdentifier === 0n || timeline === 0 || lsn === 0n || lsn === MOST) return undefined
  const bookmark = { systemIdentifier: systemIdentifier.toString(), timeline, lsn }
  if (version === VERSION) return bookmark
  const ahead = version === PARTLY_CERTAIN ? BigInt(bytes.readUIntBE(21, 6)) : 0n
  return version === CERTAIN || (ahead > 0n && ahead < lsn) ? { ...bookmark, certainLsn: lsn - ahead } : undefined
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
