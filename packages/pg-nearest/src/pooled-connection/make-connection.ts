import { connectClient } from '../pg-client/connect-client.ts'
import { runConnectHook, type ConnectHooks } from './connect-hooks.ts'
import type { Connection } from './connection.ts'

/** pg ends the connection when its time is over, but a stream of the user's may not tell that it is closed. */
const TELLING_MS = 250

/**
 * Connects, and runs `onConnect`. Ends in time, whatever the user's stream and hook do: each has `connectTimeoutMs`.
 *
 * @throws HookError when the hook is at fault.
 */
export async function makeConnection(
  connection: Connection,
  hooks: ConnectHooks,
  connectTimeoutMs: number,
): Promise<void> {
  const dial = new AbortController()
  // pg's own message.
  const late = setTimeout(() => dial.abort(new Error('timeout expired')), connectTimeoutMs + TELLING_MS)
  try {
    await connectClient(connection.client, AbortSignal.any([connection.over, dial.signal]))
  } finally {
    clearTimeout(late)
  }
  await runConnectHook(connection, hooks, connectTimeoutMs)
  // While the hook ran nothing else was listening to the socket.
  if (connection.hasDied) throw new Error('Connection terminated unexpectedly')
}
