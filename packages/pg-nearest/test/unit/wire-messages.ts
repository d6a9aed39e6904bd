/** What a server sends, for tests of those who read it. */
function message(type: string, body: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.from(`${type}0000`)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

export function bodyOf(whole: Buffer): Buffer {
  return whole.subarray(5)
}

export const PARSE_COMPLETE = message('1')
export const BIND_COMPLETE = message('2')
export const READY = message('Z', Buffer.from('I'))

export interface Column {
  readonly name: string
  readonly type: number
}

export function rowDescription(columns: readonly Column[]): Buffer {
  return message('T', Buffer.concat([int16(columns.length), ...columns.map(described)]))
}

export function dataRow(row: readonly (string | null)[]): Buffer {
  return message('D', Buffer.concat([int16(row.length), ...row.map(valueOf)]))
}

export function commandComplete(tag: string): Buffer {
  return message('C', cString(tag))
}

export function errorResponse(code: string, text: string): Buffer {
  return message(
    'E',
    Buffer.concat([cString('SERROR'), cString('VERROR'), cString(`C${code}`), cString(`M${text}`), cString('')]),
  )
}

export function noticeResponse(text: string): Buffer {
  return message(
    'N',
    Buffer.concat([cString('SNOTICE'), cString('VNOTICE'), cString('C00000'), cString(`M${text}`), cString('')]),
  )
}

function described({ name, type }: Column): Buffer {
  return Buffer.concat([cString(name), int32(1), int16(1), int32(type), int16(4), int32(-1), int16(0)])
}

function valueOf(value: string | null): Buffer {
  if (value === null) return int32(-1)
  const bytes = Buffer.from(value)
  return Buffer.concat([int32(bytes.length), bytes])
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`)
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
