const PAGE = 8192n
/** WAL segments are powers of two from 1 MiB up; 16 MiB unless initdb was told otherwise. */
const SMALLEST_SEGMENT = 1_048_576n
const SHORT_HEADER = 24n
const LONG_HEADER = 40n

/** `16/B374D848` as a number; `undefined` for anything else. */
export function parseLsn(text: string | null | undefined): bigint | undefined {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text ?? '')
  if (match === null) return undefined
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)
}

/** A position as PostgreSQL prints it: `16/B374D848`. */
export function formatLsn(lsn: bigint): string {
  const high = lsn >> 32n
  const low = lsn & 0xffffffffn
  return `${high.toString(16)}/${low.toString(16)}`.toUpperCase()
}

/**
 * An insert position right behind a page header means that the page is empty; a replica that has replayed everything then reports
 * the page's start. Returns the page's start for such positions.
 */
export function normalizeInsertLsn(lsn: bigint): bigint {
  const offset = lsn % PAGE
  const page = lsn - offset
  const header = page % SMALLEST_SEGMENT === 0n ? LONG_HEADER : SHORT_HEADER
  return offset === header ? page : lsn
}
