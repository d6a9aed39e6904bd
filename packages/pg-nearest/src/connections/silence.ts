import { internalsOf } from '../wire/pg-internals.ts'
import type { Connection } from './connection.ts'

/**
 * Since when a connection has been waiting for its server without a byte, by the clock of `now`; `undefined`: it is not waiting.
 * Costs nothing but when it is asked for: what arrived in between is told from the socket's count of bytes.
 */
export function silentSince(connection: Connection, now: number): number | undefined {
  if (connection.state === 'connecting') return connection.since
  if (connection.quiet) {
    connection.heard = undefined
    return undefined
  }
  const { bytesRead: bytes } = internalsOf(connection.client).connection.stream
  if (connection.heard?.bytes !== bytes) connection.heard = { bytes, since: now }
  return connection.heard.since
}
