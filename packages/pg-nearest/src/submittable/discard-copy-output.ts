import { ignore, type QueryHandlers } from '../wire/pg-internals.ts'

/** A stream of COPY TO, which reads from the socket by itself. */
interface CopyOut extends Pick<QueryHandlers, 'handleError'> {
  push: (chunk: unknown, encoding?: BufferEncoding) => boolean
  _read: (size: number) => void
  _destroy: (error: Error | null, callback: (error?: Error | null) => void) => void
}

/**
 * What a stream of COPY TO does not read stays in the socket, so that nothing behind one that was destroyed would be answered. To be called
 * when it is sent: what still comes for it once it is destroyed is dropped. Returns a function to call when the server has ended it.
 *
 * @param onDestroyed - called when it is destroyed before that.
 */
export function dropOnceDestroyed(query: object, onDestroyed: () => void): () => void {
  if (!isCopyOut(query)) return ignore
  const { push, _read: read, _destroy: destroy } = query
  let isOver = false
  let isDropping = false
  const drop = (): void => {
    isDropping = true
    // Nobody hears of it any more, and an error that nobody hears of ends the process.
    query.handleError = ignore
    // It may be reading right now.
    setImmediate(() => isOver || read.call(query, 0))
    onDestroyed()
  }
  query.push = (chunk, encoding) => {
    if (chunk === null) isOver = true
    return isDropping || push.call(query, chunk, encoding)
  }
  const dropAndDestroy: typeof destroy = (error, callback) => {
    if (!isOver) drop()
    destroy.call(query, error, callback)
  }
  Reflect.set(query, '_destroy', dropAndDestroy)
  return () => {
    isOver = true
  }
}

/** Streams of rows read by a cursor, which closes with them. */
function isCopyOut(query: object): query is CopyOut {
  const { push, write, cursor } = query as {
    readonly push?: unknown
    readonly write?: unknown
    readonly cursor?: unknown
  }
  return typeof push === 'function' && write === undefined && cursor === undefined
}
