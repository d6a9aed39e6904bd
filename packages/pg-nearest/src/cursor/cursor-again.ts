import { watchForEarlyClose } from './pg-cursor-workarounds.ts'
import type { WireConnection } from '../wire/pg-internals.ts'

type Read = [rows: number, callback: unknown]

/** The parts of a pg-cursor that say how far it is. */
interface Sendable {
  state: string
  connection: WireConnection | null
  readonly _queue: Read[]
  /** Of the read that waits for its rows. */
  _cb: unknown
  _getRows: (...read: Read) => void
  readonly _ifNoData: () => void
  readonly _rowDescription: () => void
}

/** A cursor that was sent, as long as it has told nothing. */
export interface SentCursor {
  /** It has told something. */
  settle(): void
  /**
   * Makes it as it was before it was sent. Returns what says, as that of `watchForEarlyClose`, whether it must not be sent any more;
   * `undefined`: it was closed, and is over.
   */
  takeBack(): (() => boolean) | undefined
}

/** A pg-cursor, or a stream of its rows. Whatever else is submitted can be sent once only. */
export function isCursor(query: object): boolean {
  const cursor = cursorOf(query)
  return Array.isArray(cursor._queue) && [cursor._getRows, cursor._ifNoData, cursor._rowDescription].every(isFunction)
}

/** To be called when it is sent. */
export function holdCursor(query: object): SentCursor {
  const cursor = cursorOf(query)
  const { _getRows: getRows } = cursor
  const sent: Read[] = []
  cursor._getRows = (...read) => {
    sent.push(read)
    getRows.apply(cursor, read)
  }
  const settle = (): void => {
    cursor._getRows = getRows
  }
  const takeBack = (): (() => boolean) | undefined => {
    settle()
    if (cursor.state === 'done') return undefined
    detach(cursor)
    cursor._cb = null
    cursor._queue.unshift(...sent)
    return watchForEarlyClose(query)
  }
  return { settle, takeBack }
}

/** The server has ended it without being asked to. A cursor that is told of an error afterwards would ask for that, and wait for the answer. */
export function detachCursor(query: object): void {
  if (isCursor(query) && cursorOf(query).state !== 'done') detach(cursorOf(query))
}

function detach(cursor: Sendable): void {
  cursor.connection?.removeListener('noData', cursor._ifNoData)
  cursor.connection?.removeListener('rowDescription', cursor._rowDescription)
  cursor.connection = null
  cursor.state = 'initialized'
}

function cursorOf(query: object): Sendable {
  return ((query as { readonly cursor?: object }).cursor ?? query) as Sendable
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}
