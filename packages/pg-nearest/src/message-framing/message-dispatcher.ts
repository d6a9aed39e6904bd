import { isReadable, isShaped, isWellShaped } from './malformed-message-check.ts'
import { valueTooLongError } from '../result-value-too-long.ts'

const NOTHING = Buffer.alloc(0)
/** A message's type and its length. */
const HEAD_BYTES = 5
const READY_FOR_QUERY = 0x5a

/** Reads whole messages as they come off the wire. */
export interface MessageReader {
  /**
   * Returns whether it has read the message; what it has not is left to pg.
   *
   * @param type - the message's first byte. Its body is between `start` and `end`.
   * @throws what the connection ends with: such a message cannot come here.
   */
  read(type: number, bytes: Buffer, start: number, end: number): boolean
}

/** Whose answers come now, if he reads them himself. */
type CurrentReader = () => MessageReader | undefined

/**
 * Gives the messages of a connection to those who read them by themselves, and all others to pg, whose parser does not tell how far it has
 * read, and reads some malformed messages for ever: those it never sees.
 */
export class MessageDispatcher {
  readonly #pass: (bytes: Buffer) => void
  #fail: (error: unknown) => void
  #current: CurrentReader = () => undefined
  /** The beginning of a message that is handed on as a whole, in pieces. */
  #pieces: Buffer[] = []
  #held = 0
  #needed = 0
  /** So many bytes are still to come of a message whose beginning pg has. */
  #owed = 0
  #isDealing = false
  #failed = false

  /**
   * @param pass - may throw, and forgets then where it is.
   * @param fail - what has come is no message, cannot come here, or cannot be read. Nothing is read any more.
   */
  constructor(pass: (bytes: Buffer) => void, fail: (error: unknown) => void) {
    this.#pass = pass
    this.#fail = fail
  }

  /** From now on. */
  serve(current: CurrentReader, fail: (error: unknown) => void): void {
    this.#current = current
    this.#fail = fail
  }

  /** What has come so far was read to the end of a message. */
  get betweenMessages(): boolean {
    return this.#owed === 0 && this.#held === 0 && !this.#isDealing
  }

  take(chunk: Buffer): void {
    if (this.#failed) return
    this.#isDealing = true
    if (this.#owed >= chunk.length) {
      this.#owed -= chunk.length
      this.#tell(chunk)
    } else {
      const bytes = this.#assembled(chunk)
      if (bytes.length > 0) this.#deal(bytes)
    }
    this.#isDealing = false
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
    let at = this.#owed
    this.#owed = 0
    if (at > 0) this.#tell(bytes.subarray(0, at))
    while (at < bytes.length && !this.#failed) {
      // Who reads on may be another one as soon as pg has read what is ahead.
      const reader = this.#current()
      const next = reader === undefined ? this.#leave(bytes, at) : this.#hand(reader, bytes, at)
      if (next === at) return this.#hold(bytes, at)
      at = next
    }
  }

  /** Leaves messages to pg, up to a ReadyForQuery. Returns where it ended: where it began if that message is to come as a whole. */
  #leave(bytes: Buffer, start: number): number {
    let at = start
    let type: number | undefined
    while (type !== READY_FOR_QUERY && at + HEAD_BYTES <= bytes.length) {
      type = bytes[at] as number
      const end = at + 1 + bytes.readUInt32BE(at + 1)
      const isComplete = end <= bytes.length
      if (isShaped(type) && !isComplete) break
      if (end < at + HEAD_BYTES || !isWellShaped(type, bytes, at + HEAD_BYTES, end)) {
        this.#passOn(bytes, start, at)
        return this.#break(unexpected(), bytes)
      }
      if (!isComplete) this.#owed = end - bytes.length
      at = Math.min(end, bytes.length)
    }
    this.#passOn(bytes, start, at)
    return at
  }

  #passOn(bytes: Buffer, start: number, end: number): void {
    if (end > start) this.#tell(end - start === bytes.length ? bytes : bytes.subarray(start, end))
  }

  #tell(bytes: Buffer): void {
    try {
      this.#pass(bytes)
    } catch (error) {
      this.#break(error, bytes)
    }
  }

  /** Hands on one message. Returns where it ended: where it began if it is not complete. */
  #hand(reader: MessageReader, bytes: Buffer, at: number): number {
    if (at + HEAD_BYTES > bytes.length) return at
    const end = at + 1 + bytes.readUInt32BE(at + 1)
    if (end < at + HEAD_BYTES) return this.#break(unexpected(), bytes)
    if (end > bytes.length) return at
    const type = bytes[at] as number
    try {
      if (reader.read(type, bytes, at + HEAD_BYTES, end)) return end
      if (!isReadable(type, bytes, at + HEAD_BYTES, end)) throw unexpected()
    } catch (error) {
      return this.#break(error, bytes)
    }
    this.#tell(bytes.subarray(at, end))
    return end
  }

  #hold(bytes: Buffer, at: number): void {
    const rest = bytes.length - at
    this.#needed = rest < HEAD_BYTES ? HEAD_BYTES : 1 + bytes.readUInt32BE(at + 1)
    this.#pieces = [bytes.subarray(at)]
    this.#held = rest
  }

  /** Returns the end of these bytes. */
  #break(error: unknown, bytes: Buffer): number {
    if (this.#failed) return bytes.length
    this.#failed = true
    this.#fail(valueTooLongError(error) ?? error)
    return bytes.length
  }
}

function unexpected(): Error {
  return new Error('The server has sent a message that cannot come here')
}

/** By connection. */
const dispatchers = new WeakMap<object, MessageDispatcher>()

/** What a connection that has not begun will receive goes through it. */
export function dispatchMessages(
  connection: object,
  pass: (bytes: Buffer) => void,
  fail: (error: unknown) => void,
): MessageDispatcher {
  const dispatcher = new MessageDispatcher(pass, fail)
  dispatchers.set(connection, dispatcher)
  return dispatcher
}

/** `undefined`: nobody else than pg can read what this connection receives. */
export function dispatcherOf(connection: object): MessageDispatcher | undefined {
  return dispatchers.get(connection)
}
