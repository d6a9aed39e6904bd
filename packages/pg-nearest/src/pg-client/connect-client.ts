import type pg from 'pg'
import { noteStage } from './startup-guard.ts'

/**
 * Connects a new client. Unlike `client.connect()`, which never settles if the client is ended meanwhile, this always settles. It
 * rejects with the error, with the signal's reason, or because the connection ended; the socket is then destroyed.
 */
export function connectClient(client: pg.Client, signal?: AbortSignal): Promise<pg.Client> {
  // Never removed: an 'error' without a listener would end the process, and one may come long after another.
  client.on('error', ignore)
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      client.off('error', fail)
      client.off('end', end)
      signal?.removeEventListener('abort', abort)
    }
    const fail = (error: unknown): void => {
      settle()
      noteStage(client, error)
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

/** Closes a client's connection now, without a Terminate message. */
export function destroySocket(client: pg.Client): void {
  client.connection.stream.destroy()
}

function ignore(): void {}
