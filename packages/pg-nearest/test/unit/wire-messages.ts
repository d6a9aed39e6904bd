import { int16, int32, message } from '../protocol/messages.ts'

/** What follows a message's head. */
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
  return message('T', int16(columns.length), ...columns.map(described))
}

export function dataRow(row: readonly (string | null)[]): Buffer {
  return message('D', int16(row.length), ...row.map(valueOf))
}

export function commandComplete(tag: string): Buffer {
  return message('C', tag)
}

export function errorResponse(code: string, text: string): Buffer {
  return message('E', 'SERROR', 'VERROR', `C${code}`, `M${text}`, '')
}

export function noticeResponse(text: string): Buffer {
  return message('N', 'SNOTICE', 'VNOTICE', 'C00000', `M${text}`, '')
}

function described({ name, type }: Column): Buffer {
  return Buffer.concat([Buffer.from(`${name}\0`), int32(1), int16(1), int32(type), int16(4), int32(-1), int16(0)])
}

function valueOf(value: string | null): Buffer {
  if (value === null) return int32(-1)
  const bytes = Buffer.from(value)
  return Buffer.concat([int32(bytes.length), bytes])
}
