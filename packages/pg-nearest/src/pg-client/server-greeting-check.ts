/** So many of the first bytes tell what speaks there. */
export const HEAD_BYTES = 16
/** libpq's bound for the first message. */
const LONGEST_FIRST = 30_000
/** Authentication, an error, a notice, and another version of the protocol. */
const FIRST_TYPES = 'RENv'

/**
 * Whether these bytes can begin the first message of a server of PostgreSQL's. Pure.
 *
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export function mayGreet(head: Buffer): boolean {
  if (!FIRST_TYPES.includes(head.toString('latin1', 0, 1))) return false
  if (head.length < 5) return true
  const length = head.readUInt32BE(1)
  return length >= 8 && length <= LONGEST_FIRST
}
