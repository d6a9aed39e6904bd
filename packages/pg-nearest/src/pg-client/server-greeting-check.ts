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

/** So many bytes tell whether it is a server that could not fork: PostgreSQL's own bound. */
export const LONGEST_FORK_FAILURE = 1_000
const LONGEST_TOLD = 200
const ERROR = 0x45
const LINE_FEED = 0x0a

/** It may be one, and not all of it has come. */
export const INCOMPLETE = ''

/**
 * What a server says that could not start a process for a connection: an error of the second protocol, an E and a text that ends with NUL,
 * which libpq, too, knows by a length that none has. `undefined`: it is something else. Pure.
 */
export function readForkFailure(head: Buffer): string | undefined {
  if (head[0] !== ERROR) return undefined
  if (head.length < 5) return INCOMPLETE
  if (mayGreet(head)) return undefined
  const end = head.indexOf(0, 1)
  // Other protocols have lines.
  if (end < 0) return head.length > LONGEST_FORK_FAILURE || head.at(-1) === LINE_FEED ? undefined : INCOMPLETE
  const text = head
    .toString('utf8', 1, end)
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
  if (text === '') return undefined
  return text.length > LONGEST_TOLD ? `${text.slice(0, LONGEST_TOLD)}…` : text
}
