/** As much of PostgreSQL's protocol as a small server or proxy needs. */

export const CANCEL_REQUEST = 80_877_102

export interface Message {
  /** `undefined`: the first one, which has no type. */
  readonly type: string | undefined
  readonly body: Buffer
  /** All of it, with its type and its length. */
  readonly whole: Buffer
}

/** Cuts what arrives into messages. A client's first one has no type. */
export function createReader(from: 'client' | 'server'): (data: Buffer) => Message[] {
  let rest = Buffer.alloc(0)
  let typed = from === 'server'
  return (data) => {
    rest = Buffer.concat([rest, data])
    const messages: Message[] = []
    for (;;) {
      const head = typed ? 1 : 0
      if (rest.length < head + 4) return messages
      const length = head + rest.readUInt32BE(head)
      if (rest.length < length) return messages
      const type = typed ? rest.toString('latin1', 0, 1) : undefined
      messages.push({ type, body: rest.subarray(head + 4, length), whole: rest.subarray(0, length) })
      rest = rest.subarray(length)
      typed = true
    }
  }
}

/** The strings that a message begins with. */
export function strings(body: Buffer, count: number): string[] {
  const found: string[] = []
  let at = 0
  while (found.length < count) {
    const end = body.indexOf(0, at)
    if (end < 0) return found
    found.push(body.toString('utf8', at, end))
    at = end + 1
  }
  return found
}

/** A text has a NUL behind it. */
export function message(type: string, ...parts: readonly (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)))
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** In clear text. */
export const wantsPassword = (): Buffer => message('R', int32(3))
export const authenticated = (): Buffer => message('R', int32(0))
export const parameter = (name: string, value: string): Buffer => message('S', name, value)
export const keyData = (pid: number, key: number): Buffer => message('K', int32(pid), int32(key))
export const ready = (status: string): Buffer => message('Z', Buffer.from(status))
export const query = (text: string): Buffer => message('Q', text)
export const complete = (tag: string): Buffer => message('C', tag)
export const emptyQuery = (): Buffer => message('I')
export const parsed = (): Buffer => message('1')
export const bound = (): Buffer => message('2')
export const closed = (): Buffer => message('3')
export const noData = (): Buffer => message('n')
export const notice = (text: string): Buffer => message('N', fields('NOTICE', '00000', text))
export const errorResponse = (severity: string, code: string, text: string, hint?: string): Buffer =>
  message('E', fields(severity, code, text, hint))

function fields(severity: string, code: string, text: string, hint?: string): Buffer {
  const more = hint === undefined ? '' : `H${hint}\0`
  return Buffer.from(`S${severity}\0V${severity}\0C${code}\0M${text}\0${more}\0`)
}

/** One column of text. */
export const description = (): Buffer =>
  message('T', int16(1), 'text', int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0))

export const row = (value: string): Buffer => {
  const bytes = Buffer.from(value)
  return message('D', int16(1), int32(bytes.length), bytes)
}
