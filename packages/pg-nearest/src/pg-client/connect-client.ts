import type pg from 'pg'
import { startStallAwareTimer, SilentError, type StallAwareTimer } from '../limits/stall-aware-timeout.ts'
import { listenProtected } from '../wire/protected-listeners.ts'
import { noteStage } from './wrong-peer-detection.ts'

/** Beside the clients, because they are pg's. */
const timers = new WeakMap<pg.Client, StallAwareTimer>()

/**
 * Connects a new client. Unlike `client.connect()`, which never settles if the client is ended meanwhile, this always settles. It
 * rejects with the error, with a `SilentError`, with the signal's reason, or because the connection ended; the socket is then destroyed.
 *
 * @param withinMs - how long the server has to take the connection, without the time in which this process is too busy to hear it. pg's
 *   own timer counts that, too. `Infinity`: no limit.
 */
export function connectClient(client: pg.Client, withinMs: number, signal?: AbortSignal): Promise<pg.Client> {
  // Never removed: an 'error' without a listener would end the process, and one may come long after another.
  listenProtected(client, 'error', ignore)
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      timers.get(client)?.stop()
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
    const silent = (): void => fail(new SilentError(withinMs))
    timers.set(client, startStallAwareTimer(withinMs, silent))
    client.on('error', fail)
    client.on('end', end)
    signal?.addEventListener('abort', abort)
    client.connect().then(() => {
      settle()
      resolve(client)
    }, fail)
  })
}

/** What is left of the milliseconds that a client has to connect; `Infinity`: no limit. */
export function connectTimeLeft(client: pg.Client): number {
  return timers.get(client)?.leftMs ?? Number.POSITIVE_INFINITY
}

/** Closes a client's connection now, without a Terminate message. */
export function destroySocket(client: pg.Client): void {
  client.connection.stream.destroy()
}

function ignore(): void {}
