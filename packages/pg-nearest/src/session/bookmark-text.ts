import type { Bookmark } from './bookmark.ts'

const VERSION = 1
const BYTES = 21
const LENGTH = 28
const MOST = 0xffff_ffff_ffff_ffffn

/**
 * A bookmark as it leaves the process: 28 characters that are safe in a URL, a header and a cookie. Opaque to others: a
 * later version may look different.
 */
export function formatBookmark({ systemIdentifier, timeline, lsn }: Bookmark): string {
  const bytes = Buffer.alloc(BYTES)
  bytes.writeUInt8(VERSION, 0)
  bytes.writeBigUInt64BE(BigInt(systemIdentifier), 1)
  bytes.writeUInt32BE(timeline, 9)
  bytes.writeBigUInt64BE(lsn, 13)
  return bytes.toString('base64url')
}

/** Reads what {@link formatBookmark} wrote; `undefined` for anything else. Never throws. */
export function parseBookmark(text: unknown): Bookmark | undefined {
  if (typeof text !== 'string' || text.length !== LENGTH) return undefined
  const bytes = Buffer.from(text, 'base64url')
  // Decoding skips what it does not know: only the one canonical spelling is taken.
  if (bytes.length !== BYTES || bytes.toString('base64url') !== text || bytes.readUInt8(0) !== VERSION) return undefined
  const systemIdentifier = bytes.readBigUInt64BE(1)
  const timeline = bytes.readUInt32BE(9)
  const lsn = bytes.readBigUInt64BE(13)
  if (systemIdentifier === 0n || timeline === 0 || lsn === 0n || lsn === MOST) return undefined
  return { systemIdentifier: systemIdentifier.toString(), timeline, lsn }
}
