import { InternalQueryExchange } from '../exchange/internal-query-exchange.ts'
import { startStallAwareTimer } from '../limits/stall-aware-timeout.ts'
import { internalsOf } from '../wire/pg-internals.ts'
import type { Connection } from './connection.ts'
import type { Lease } from './lease.ts'

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

const LOOK_MS = 20
/** So many are asked, one after the other: one may have been cut without anybody knowing. */
const MOST_ASKED = 4

/**
 * Whether the server says anything on one of these, within so many milliseconds. Those in use are only listened to.
 *
 * @param take - takes one that nobody uses, on which it is asked.
 */
export function isAnyHeardWithin(
  withinMs: number,
  open: readonly Connection[],
  take: () => Lease | undefined,
): Promise<boolean> {
  const before = open.map((each) => ({ each, bytes: bytesReceived(each) }))
  const asked: Lease[] = []
  return new Promise((resolve) => {
    const end = (isHeard: boolean): void => {
      clearInterval(looking)
      timer.stop()
      for (const each of asked.splice(0)) each.release()
      resolve(isHeard)
    }
    const look = (): void => {
      if (before.some(({ each, bytes }) => bytesReceived(each) > bytes)) return end(true)
      const passedMs = withinMs - timer.leftMs
      const isDue = passedMs >= (asked.length * withinMs) / MOST_ASKED
      const lease = isDue || asked.at(-1)?.alive === false ? take() : undefined
      if (lease === undefined) return
      asked.push(lease)
      // A stream of the user's need not count bytes.
      lease.send(new InternalQueryExchange('', (_row, _error, isLost) => isLost !== true && end(true)))
    }
    const timer = startStallAwareTimer(withinMs, () => end(false))
    const looking = setInterval(look, LOOK_MS)
    look()
  })
}
