import pg from 'pg'
import { diallingOf } from '../driver-errors.ts'
import { connectClient } from '../pg-client/connect-client.ts'
import type { DialWindow, Login, LoginEnd } from './dial-window.ts'
import { runConnectHook, type ConnectHooks } from './connect-hooks.ts'
import type { Connection } from '../pooled-connection/connection.ts'
import { SilentError } from '../limits/stall-aware-timeout.ts'

interface ConnectOptions extends ConnectHooks {
  readonly connectionTimeoutMillis?: number | undefined
}

/** One that is being made. No hook has run on it. */
export interface BegunConnection {
  readonly connection: Connection
  /** It has logged in. */
  readonly connected: Promise<unknown>
}

export function beginConnection(
  connection: Connection,
  { connectionTimeoutMillis }: ConnectOptions,
  connectTimeoutMs: number,
): BegunConnection {
  // Nobody waits for longer.
  const withinMs = Math.min(connectionTimeoutMillis || connectTimeoutMs, connectTimeoutMs)
  return { connection, connected: connectClient(connection.client, withinMs, connection.over) }
}

/**
 * Makes what was begun ready to be lent: runs `onConnect`. Ends in time, whatever the user's stream and hook do: each has `connectTimeoutMs`.
 *
 * @throws HookError when the hook is at fault.
 */
export async function makeConnection(
  { connection, connected }: BegunConnection,
  options: ConnectOptions,
  connectTimeoutMs: number,
): Promise<void> {
  await connected
  await runConnectHook(connection, options, connectTimeoutMs)
  // While the hook ran nothing else was listening to the socket.
  if (connection.hasDied) throw new Error('Connection terminated unexpectedly')
}

/**
 * Counts it among the logins that are under way until the server has let it in, or it has failed: the user's hooks are none of the server's
 * business.
 */
export function beginLogin({ connected }: BegunConnection, window: DialWindow, onTaken: () => void): Login {
  const login = window.begin()
  const taken = (): void => {
    login.end('taken')
    onTaken()
  }
  connected.then(taken, (error: unknown) => login.end(loginEndOf(error)))
  return login
}

function loginEndOf(error: unknown): LoginEnd {
  if (error instanceof pg.DatabaseError) return 'taken'
  return isSilence(error) && diallingOf(error)?.stage !== 'dialling' ? 'late' : 'untold'
}

/** What waited for an answer of a server that gives none was given up. The message is pg's own. */
export class GivenUpError extends Error {
  constructor() {
    super('timeout expired')
  }
}

/** The server has not taken the connection in time. */
export function isSilence(error: unknown): boolean {
  return error instanceof SilentError || error instanceof GivenUpError
}
