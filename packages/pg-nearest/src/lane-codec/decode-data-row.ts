/** The first bytes of the messages that most answers consist of. */
export const PARSE_COMPLETE = 0x31
export const BIND_COMPLETE = 0x32
export const CLOSE_COMPLETE = 0x33
export const ROW_DESCRIPTION = 0x54
export const DATA_ROW = 0x44
export const COMMAND_COMPLETE = 0x43

export type RowTexts = (string | null)[]

/** What a server has sent is not what its messages say. */
export class MalformedMessageError extends Error {
  override readonly name = 'MalformedMessageError'
}

/**
 * Reads the columns of a DataRow, whose body is between `start` and `end`.
 *
 * @throws MalformedMessageError if it has another number of columns, or they do not end where the message does.
 */
export function readDataRow(bytes: Buffer, start: number, end: number, columns: number): RowTexts {
  if (end - start < 2 || bytes.readUInt16BE(start) !== columns)
    throw new MalformedMessageError('another row was described')
  const row: RowTexts = []
  let at = start + 2
  for (let i = 0; i < columns; i++) {
    if (at + 4 > end) throw new MalformedMessageError('a row ends too early')
    const length = bytes.readInt32BE(at)
    at += 4
    if (length === -1) {
      row.push(null)
      continue
    }
    if (length < 0 || at + length > end) throw new MalformedMessageError('a column ends too late')
    row.push(bytes.toString('utf8', at, at + length))
    at += length
  }
  if (at !== end) throw new MalformedMessageError('a row ends too late')
  return row
}

/**
 * Reads what a CommandComplete says.
 *
 * @throws MalformedMessageError if that is not a text.
 */
export function readCommandTag(bytes: Buffer, start: number, end: number): string {
  if (end - start < 1 || bytes[end - 1] !== 0) throw new MalformedMessageError('a text does not end')
  return bytes.toString('utf8', start, end - 1)
}

const SELECT = Buffer.from('SELECT ')
const ZERO = 0x30
const NINE = 0x39
/** More digits may be no exact number. */
const MOST_DIGITS = 15

/** How many rows a CommandComplete says that a SELECT has given, without making a text of it; `undefined`: it says something else, or is malformed. */
export function readSelectedRows(bytes: Buffer, start: number, end: number): number | undefined {
  const digits = start + SELECT.length
  const last = end - 1
  if (last <= digits || last - digits > MOST_DIGITS || bytes[last] !== 0) return undefined
  for (let i = 0; i < SELECT.length; i++) if (bytes[start + i] !== SELECT[i]) return undefined
  let rows = 0
  for (let at = digits; at < last; at++) {
    const digit = bytes[at] ?? 0
    if (digit < ZERO || digit > NINE) return undefined
    rows = rows * 10 + digit - ZERO
  }
  return rows
}
