import { internalsOf } from '../wire/pg-internals.ts'
import type { Connection } from './connection.ts'

/**
 * Since when a connection has been waiting without receiving a byte, by the clock of `now`; `undefined` if nothing is in flight.
 * Compares the socket's byte count between calls, so statements cost nothing.
 */
export function silentSince(connection: Connection, now: number): number | undefined {
  if (connection.state === 'connecting') return connection.since
  if (connection.quiet) connection.heard = undefined
  else if (connection.heard?.bytes !== bytesReceived(connection))
    connection.heard = { bytes: bytesReceived(connection), since: now }
  // A stream of the user's need not count them.
  return connection.heard?.since
}

export function bytesReceived({ client }: Connection): number {
  return internalsOf(client).connection.stream.bytesRead
}
