import { connectClient } from '../pg-client/connect-client.ts'
import { runConnectHook, type ConnectHooks } from './connect-hooks.ts'
import type { Connection } from './connection.ts'

interface ConnectOptions extends ConnectHooks {
  readonly connectionTimeoutMillis?: number | undefined
}

/**
 * Connects, and runs `onConnect`. Ends in time, whatever the user's stream and hook do: each has `connectTimeoutMs`.
 *
 * @throws HookError when the hook is at fault.
 */
export async function makeConnection(
  connection: Connection,
  options: ConnectOptions,
  connectTimeoutMs: number,
): Promise<void> {
  // Nobody waits for longer.
  const withinMs = Math.min(options.connectionTimeoutMillis || connectTimeoutMs, connectTimeoutMs)
  await connectClient(connection.client, withinMs, connection.over)
  await runConnectHook(connection, options, connectTimeoutMs)
  // While the hook ran nothing else was listening to the socket.
  if (connection.hasDied) throw new Error('Connection terminated unexpectedly')
}
