import type pg from 'pg'

/**
 * Connects a client that has not been connected yet. Unlike `client.connect()` it always settles, for pg never calls back when
 * its client is ended while it connects: it rejects with what went wrong, with the signal's reason, or because the connection
 * ended. Whenever it rejects, the socket has been destroyed.
 */
export function connectClient(client: pg.Client, signal?: AbortSignal): Promise<pg.Client> {
  // For good: an error without a listener would end the process, and the last one may come long after the first.
  client.on('error', ignore)
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      client.off('error', fail)
      client.off('end', end)
      signal?.removeEventListener('abort', abort)
    }
    const fail = (error: unknown): void => {
      settle()
      destroySocket(client)
      reject(error)
    }
    const end = (): void => fail(new Error('Connection terminated unexpectedly'))
    const abort = (): void => fail(signal?.reason)
    if (signal?.aborted === true) return abort()
    client.on('error', fail)
    client.on('end', end)
    signal?.addEventListener('abort', abort)
    client.connect().then(() => {
      settle()
      resolve(client)
    }, fail)
  })
}

/** Closes a client's connection now, without a word. */
export function destroySocket(client: pg.Client): void {
  client.connection.stream.destroy()
}

function ignore(): void {}
