/** A cursor of pg-cursor's, or a stream with one in it, as far as it is leaned on here. */
interface Closable {
  close?: (...args: never[]) => unknown
  /** Reads that were asked for before it was sent: rows, and who hears of them. */
  readonly _queue?: [rows: number, callback: (error: unknown, ...rest: unknown[]) => void][]
}

/**
 * A cursor that is closed while it waits for its turn takes that for done, and would stay open once it is sent. Returns what is to be
 * asked when it is its turn, once: whether it is not to be sent any more.
 */
export function watchForClose(query: object): () => boolean {
  const cursor = ((query as { readonly cursor?: Closable }).cursor ?? query) as Closable
  const { close } = cursor
  if (typeof close !== 'function') return () => isDestroyed(query)
  let closed = false
  cursor.close = (...args) => {
    closed = true
    return close.apply(cursor, args)
  }
  return () => {
    cursor.close = close
    if (!closed || isDestroyed(query)) return isDestroyed(query)
    const { _queue: [read] = [] } = cursor
    if (read === undefined) return true
    const [, callback] = read
    // It was to be read before it was closed.
    read[1] = (error, ...rest) => {
      callback(error, ...rest)
      if (!error) close.apply(cursor, [ignore] as never[])
    }
    return false
  }
}

/**
 * A stream to read from that was destroyed while it waited for its turn: nobody would read it, or close it. (One to write to ends only
 * when the server has heard of it.)
 */
function isDestroyed(query: object): boolean {
  const { destroyed, write } = query as { readonly destroyed?: unknown; readonly write?: unknown }
  return destroyed === true && typeof write !== 'function'
}

function ignore(): void {}
