/** What is sent for a parameter: a text, bytes, or NULL. */
export type ParameterValue = string | Buffer | null

const INITIAL_BYTES = 4_096
/** A buffer that had to grow beyond this is not kept. */
const KEPT_BYTES = 262_144
/** Four for the length, two for each count, one for a format. */
const FIXED_BYTES = 32

/** Writes messages of the extended query protocol, one behind the other. */
export class MessageWriter {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES)
  #length = 0

  /** @param name - ends with NUL, as in the methods below. */
  parse(name: Buffer, text: string): void {
    this.#reserve(FIXED_BYTES + name.length + text.length * 3)
    const start = this.#begin(PARSE)
    this.#put(name)
    this.#putText(text)
    this.#bytes[this.#length++] = 0
    this.#putCount(0)
    this.#end(start)
  }

  /** Binds the unnamed portal. All columns come as texts. */
  bind(name: Buffer, values: readonly ParameterValue[]): void {
    this.#reserve(FIXED_BYTES + name.length + sizeOf(values))
    const start = this.#begin(BIND)
    this.#bytes[this.#length++] = 0
    this.#put(name)
    this.#putFormats(values)
    this.#putCount(values.length)
    for (const value of values) this.#putValue(value)
    this.#putCount(0)
    this.#end(start)
  }

  describePortal(): void {
    this.#append(DESCRIBE_PORTAL)
  }

  execute(): void {
    this.#append(EXECUTE)
  }

  closeStatement(name: Buffer): void {
    this.#reserve(FIXED_BYTES + name.length)
    const start = this.#begin(CLOSE)
    this.#bytes[this.#length++] = STATEMENT
    this.#put(name)
    this.#end(start)
  }

  sync(): void {
    this.#append(SYNC)
  }

  /** What was written, which is then forgotten. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#length))
    this.#length = 0
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafe(INITIAL_BYTES)
    return taken
  }

  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }

  #begin(type: number): number {
    const start = this.#length
    this.#bytes[start] = type
    this.#length = start + 5
    return start
  }

  #end(start: number): void {
    this.#bytes.writeInt32BE(this.#length - start - 1, start + 1)
  }

  #append(message: Buffer): void {
    this.#reserve(message.length)
    this.#put(message)
  }

  #put(bytes: Buffer): void {
    this.#length += bytes.copy(this.#bytes, this.#length)
  }

  #putText(text: string): void {
    this.#length += this.#bytes.write(text, this.#length)
  }

  #putCount(count: number): void {
    this.#length = this.#bytes.writeUInt16BE(count, this.#length)
  }

  #putFormats(values: readonly ParameterValue[]): void {
    if (values.every(isText)) return this.#putCount(0)
    this.#putCount(values.length)
    for (const value of values) this.#putCount(isText(value) ? 0 : 1)
  }

  #putValue(value: ParameterValue): void {
    const start = this.#length
    this.#length += 4
    if (typeof value === 'string') this.#putText(value)
    else if (value !== null) this.#put(value)
    this.#bytes.writeInt32BE(value === null ? -1 : this.#length - start - 4, start)
  }
}

function isText(value: ParameterValue): boolean {
  return value === null || typeof value === 'string'
}

/** No character takes more than three bytes for each of its code units. */
function sizeOf(values: readonly ParameterValue[]): number {
  let bytes = 0
  for (const value of values)
    bytes += 6 + (value === null ? 0 : typeof value === 'string' ? value.length * 3 : value.length)
  return bytes
}

const PARSE = 0x50
const BIND = 0x42
const CLOSE = 0x43
const STATEMENT = 0x53
/** The unnamed portal, and as many rows as there are. */
const EXECUTE = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0])
const DESCRIBE_PORTAL = Buffer.from([0x44, 0, 0, 0, 6, 0x50, 0])
const SYNC = Buffer.from([0x53, 0, 0, 0, 4])
