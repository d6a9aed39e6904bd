import type { MessageReader } from './exchange.ts'
import { isErrorOrNotice, isReadable, isWellShaped } from './message-shape.ts'
import { ignore, interceptParser, type WireConnection } from './pg-internals.ts'

const NOTHING = Buffer.alloc(0)
/** A message's type and its length. */
const HEAD_BYTES = 5
/** ReadyForQuery, outside of a transaction. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

/** Whose answers come now, if he reads them himself. */
type CurrentReader = () => MessageReader | undefined

/** Gives the messages of a connection to those who read them by themselves, and all others to pg. */
export class MessageDispatcher {
  readonly #pass: (chunk: Buffer) => void
  readonly #current: CurrentReader
  readonly #fail: (error: unknown) => void
  /** The beginning of a message, in pieces. */
  #pieces: Buffer[] = []
  #held = 0
  #needed = 0
  #betweenMessages = false
  #failed = false

  constructor(pass: (chunk: Buffer) => void, current: CurrentReader, fail: (error: unknown) => void) {
    this.#pass = pass
    this.#current = current
    this.#fail = fail
  }

  /** What has come so far was read to the end of a message. */
  get betweenMessages(): boolean {
    return this.#betweenMessages
  }

  take(chunk: Buffer): void {
    if (this.#failed) return
    // Some of them pg's parser would read for ever.
    const isLookedAt = this.#betweenMessages && isErrorOrNotice(chunk[0])
    this.#betweenMessages = false
    if (this.#held === 0 && this.#current() === undefined && !isLookedAt) {
      this.#pass(chunk)
      // pg does not tell how far it has read. Nothing else ends with these bytes, but by a miracle.
      this.#betweenMessages = chunk.subarray(-READY.length).equals(READY)
      return
    }
    const bytes = this.#assembled(chunk)
    if (bytes.length > 0) this.#deal(bytes)
  }

  /** Empty as long as the message that has begun is not complete: it is put together once. */
  #assembled(chunk: Buffer): Buffer {
    if (this.#held === 0) return chunk
    this.#pieces.push(chunk)
    this.#held += chunk.length
    if (this.#held < this.#needed) return NOTHING
    const bytes = Buffer.concat(this.#pieces, this.#held)
    this.#pieces = []
    this.#held = 0
    return bytes
  }

  #deal(bytes: Buffer): void {
    let at = 0
    while (at + HEAD_BYTES <= bytes.length) {
      const end = at + 1 + bytes.readUInt32BE(at + 1)
      if (end < at + HEAD_BYTES) return this.#break(new Error('The server has sent a message without a length'))
      if (end > bytes.length) break
      if (!this.#hand(bytes, at, end)) return
      at = end
    }
    const rest = bytes.length - at
    this.#betweenMessages = rest === 0
    if (rest === 0) return
    this.#needed = rest < HEAD_BYTES ? HEAD_BYTES : 1 + bytes.readUInt32BE(at + 1)
    this.#pieces = [bytes.subarray(at)]
    this.#held = rest
  }

  /** Returns whether there is a next one. */
  #hand(bytes: Buffer, at: number, end: number): boolean {
    const reader = this.#current()
    try {
      const type = bytes.readUInt8(at)
      if (reader?.read(type, bytes, at + HEAD_BYTES, end) === true) return true
      const isExpected = reader === undefined ? isWellShaped : isReadable
      if (!isExpected(type, bytes, at + HEAD_BYTES, end))
        throw new Error('The server has sent a message that cannot come here')
    } catch (error) {
      this.#break(error)
      return false
    }
    this.#pass(bytes.subarray(at, end))
    return !this.#failed
  }

  #break(error: unknown): void {
    this.#failed = true
    this.#fail(error)
  }
}

/** From now on. */
export function dispatchMessages(
  connection: WireConnection,
  current: CurrentReader,
  fail: (error: unknown) => void,
): MessageDispatcher {
  const pass = interceptParser(connection, (chunk) => tap.take(chunk))
  const tap: MessageDispatcher = new MessageDispatcher(pass ?? ignore, current, fail)
  return tap
}
