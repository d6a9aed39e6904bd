import type { Bookmark } from './bookmark.ts'

const VERSION = 1
/** As version 1, but the timeline comes from the primary itself. */
const CERTAIN = 2
const CONTENT = 21
const BYTES = 24
const LENGTH = 32
const MOST = 0xffff_ffff_ffff_ffffn

/**
 * A bookmark as text: 32 characters that are safe in a URL, a header and a cookie. Opaque: a later version may look different.
 */
export function formatBookmark({ systemIdentifier, timeline, lsn, certain }: Bookmark): string {
  const bytes = Buffer.alloc(BYTES)
  bytes.writeUInt8(certain === true ? CERTAIN : VERSION, 0)
  bytes.writeBigUInt64BE(BigInt(systemIdentifier), 1)
  bytes.writeUInt32BE(timeline, 9)
  bytes.writeBigUInt64BE(lsn, 13)
  bytes.writeUIntBE(checksum(bytes), CONTENT, BYTES - CONTENT)
  return bytes.toString('base64url')
}

/** Reads what {@link formatBookmark} wrote; `undefined` for anything else. Never throws. */
export function parseBookmark(text: unknown): Bookmark | undefined {
  if (typeof text !== 'string' || text.length !== LENGTH) return undefined
  const bytes = Buffer.from(text, 'base64url')
  // Decoding ignores invalid characters, so only the canonical spelling is accepted.
  if (bytes.length !== BYTES || bytes.toString('base64url') !== text) return undefined
  const version = bytes.readUInt8(0)
  if (version !== VERSION && version !== CERTAIN) return undefined
  if (bytes.readUIntBE(CONTENT, BYTES - CONTENT) !== checksum(bytes)) return undefined
  const systemIdentifier = bytes.readBigUInt64BE(1)
  const timeline = bytes.readUInt32BE(9)
  const lsn = bytes.readBigUInt64BE(13)
  if (systemIdentifier === 0n || timeline === 0 || lsn === 0n || lsn === MOST) return undefined
  const bookmark = { systemIdentifier: systemIdentifier.toString(), timeline, lsn }
  return version === CERTAIN ? { ...bookmark, certain: true } : bookmark
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
function checksum(bytes: Buffer): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < CONTENT; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193)
  return ((hash >>> 24) ^ hash) & 0xffffff
}
