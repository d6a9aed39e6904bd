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
