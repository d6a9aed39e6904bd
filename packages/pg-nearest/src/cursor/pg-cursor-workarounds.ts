/** The parts of a pg-cursor, or of the cursor in a stream, that are used here. */
interface Closable {
  close?: (...args: never[]) => unknown
  _closePortal?: () => void
  /** `idle`: it is open, and nobody has asked for more rows. */
  state?: string
  /** Of the read that is on its way. */
  _cb?: ((error: unknown) => void) | null
  /** Reads that were requested before it was sent: number of rows, and callback. */
  readonly _queue?: [rows: number, callback: (error: unknown, ...rest: unknown[]) => void][]
}

/**
 * A cursor that is closed before it is sent considers itself closed, and would stay open once it is sent. Returns a function to call
 * once, when its turn has come, which says whether it must not be sent any more.
 */
export function watchForEarlyClose(query: object): () => boolean {
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
    // It has a pending read, so it is sent, and closed after that read.
    read[1] = (error, ...rest) => {
      callback(error, ...rest)
      if (!error) close.apply(cursor, [ignore] as never[])
    }
    return false
  }
}

type OnClosed = (error?: unknown) => void

/**
 * `close` waits for a ReadyForQuery, which a connection that is lost never sends. Returns a function to call when it is: whoever waits, or
 * closes later, is answered at once. To be called when the query is sent.
 */
export function settleClosesOnLoss(query: object): () => void {
  const cursor = ((query as { readonly cursor?: Closable }).cursor ?? query) as Closable
  const close = cursor.close as ((onClosed: OnClosed) => unknown) | undefined
  if (typeof close !== 'function') return ignore
  const waiting = new Set<OnClosed>()
  let isLost = false
  cursor.close = (onClosed?: OnClosed) => {
    if (onClosed === undefined) {
      return new Promise<void>((resolve, reject) => {
        cursor.close?.(...([(error: Error | undefined) => (error ? reject(error) : resolve())] as never[]))
      })
    }
    if (isLost) return void setImmediate(onClosed)
    waiting.add(onClosed)
    close.call(cursor, (error) => {
      if (waiting.delete(onClosed)) onClosed(error)
    })
    return undefined
  }
  return () => {
    isLost = true
    for (const onClosed of waiting) setImmediate(onClosed)
    waiting.clear()
  }
}

/**
 * Behind its last row a cursor considers itself done, and hears of no error, but tells its rows only with ReadyForQuery: whoever waits for them hears
 * that it failed on the way there, at its commit or with its connection.
 */
export function failLastRead(query: object, error: unknown): void {
  const cursor = ((query as { readonly cursor?: Closable }).cursor ?? query) as Closable
  const { _cb: callback } = cursor
  if (cursor.state !== 'done' || typeof callback !== 'function') return
  cursor._cb = null
  callback(error)
}

/** A cursor, or that of a stream, which is open and waits for whoever reads it. */
export function isIdleCursor(query: object): boolean {
  const cursor = ((query as { readonly cursor?: Closable }).cursor ?? query) as Closable
  // One that was read before its columns were described considers itself idle as well.
  return typeof cursor.close === 'function' && cursor.state === 'idle' && typeof cursor._cb !== 'function'
}

/**
 * An error has closed the portal. pg-cursor would still send Close for it, without a Sync behind it, so that its answer came ahead of the
 * answers to the connection's next user: pg-copy-streams takes it for the end of the copy.
 */
export function forgetPortal(query: object): void {
  const cursor = ((query as { readonly cursor?: Closable }).cursor ?? query) as Closable
  if (typeof cursor._closePortal !== 'function') return
  cursor._closePortal = () => {
    cursor.state = 'done'
  }
}

/**
 * A readable stream that was destroyed while it waited for its turn: nobody would read or close it. (A writable one must be sent, because
 * it ends only with the server's answer.)
 */
function isDestroyed(query: object): boolean {
  const { destroyed, write } = query as { readonly destroyed?: unknown; readonly write?: unknown }
  return destroyed === true && typeof write !== 'function'
}

function ignore(): void {}
