const ERROR_RESPONSE = 0x45
const NOTICE_RESPONSE = 0x4e
const ROW_DESCRIPTION = 0x54
/** What follows a column's name: its table, its type and its format. */
const COLUMN_BYTES = 18

/** What may come in the middle of a read, whoever it is for: EmptyQueryResponse, ParameterStatus, NotificationResponse, PortalSuspended and ReadyForQuery. */
const OTHERS: ReadonlySet<number> = new Set(Buffer.from('ISAsZ'))

/** Whether this may come in the middle of a read, and pg's parser ends with it. */
export function isReadable(type: number, bytes: Buffer, start: number, end: number): boolean {
  return (isShaped(type) || OTHERS.has(type)) && isWellShaped(type, bytes, start, end)
}

/** Whether pg's parser ends with this: it reads on behind the end of some messages, and some it reads for ever. */
export function isWellShaped(type: number, bytes: Buffer, start: number, end: number): boolean {
  if (!isShaped(type)) return true
  return type === ROW_DESCRIPTION ? hasColumns(bytes, start, end) : hasFields(bytes, start, end)
}

/** Whether a message of this type can be one that pg's parser does not end with: the others it leaves, or throws. */
export function isShaped(type: number): boolean {
  return type === ERROR_RESPONSE || type === NOTICE_RESPONSE || type === ROW_DESCRIPTION
}

/** Each has a letter and a text, and a NUL is behind the last one. What comes behind that is left out. */
function hasFields(bytes: Buffer, start: number, end: number): boolean {
  let at = start
  while (at < end && bytes[at] !== 0) at = behindText(bytes, at + 1, end)
  return at < end
}

function hasColumns(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < 2) return false
  let at = start + 2
  for (let left = bytes.readUInt16BE(start); left > 0; left--) {
    at = behindText(bytes, at, end) + COLUMN_BYTES
    if (at > end) return false
  }
  return at === end
}

/** Beyond `end` if the text does not end before. */
function behindText(bytes: Buffer, start: number, end: number): number {
  const nul = bytes.indexOf(0, start)
  return nul < 0 || nul >= end ? end + 1 : nul + 1
}
