/** So many of the first bytes tell what speaks there. */
export const HEAD_BYTES = 16
/** libpq's bound for the first message. */
const LONGEST_FIRST = 30_000
/** Authentication, an error, a notice, and another version of the protocol. */
const FIRST_TYPES = 'RENv'

/**
 * What a server sends before it is ready, message by message. pg's parser reads on for ever in an error or a notice whose last field does
 * not end, so these are looked at ahead of it. Pure.
 *
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export class ServerGreetingCheck {
  /** Its first bytes. */
  head: Buffer = Buffer.alloc(0)
  #rest: Buffer = Buffer.alloc(0)

  /** `first`: it is no server of PostgreSQL's. `broken`: an error or a notice does not end. */
  take(chunk: Buffer): 'first' | 'broken' | undefined {
    if (this.head.length < HEAD_BYTES) {
      this.head = Buffer.concat([this.head, chunk.subarray(0, HEAD_BYTES - this.head.length)])
      if (!mayBeFirst(this.head)) return 'first'
    }
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (this.#rest.length >= 5) {
      const length = 1 + this.#rest.readUInt32BE(1)
      if (length < 5) return 'broken'
      if (this.#rest.length < length) return undefined
      const message = this.#rest.subarray(0, length)
      if (isReport(message) && !ends(message.subarray(5))) return 'broken'
      this.#rest = this.#rest.subarray(length)
    }
    return undefined
  }
}

/** Whether these bytes can begin a server's first message. */
function mayBeFirst(head: Buffer): boolean {
  if (!FIRST_TYPES.includes(head.toString('latin1', 0, 1))) return false
  if (head.length < 5) return true
  const length = head.readUInt32BE(1)
  return length >= 8 && length <= LONGEST_FIRST
}

/** An error or a notice. */
function isReport([type]: Buffer): boolean {
  return type === 0x45 || type === 0x4e
}

/** Fields of a type and a text that ends with a zero byte, and a zero byte behind the last one. */
function ends(fields: Buffer): boolean {
  let at = 0
  while (at < fields.length && fields[at] !== 0) {
    const end = fields.indexOf(0, at + 1)
    if (end < 0) return false
    at = end + 1
  }
  return at < fields.length
}
