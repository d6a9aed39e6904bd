import type { SilenceLimits } from '../server-watch/monitor-dependencies.ts'
import type { Connection } from '../pooled-connection/connection.ts'
import { bytesReceived, silentSince } from '../pooled-connection/silence.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { GivenUpError } from '../connecting/make-connection.ts'
import { NoConnectionError } from './no-connection-error.ts'
import type { WaitQueue } from '../checkout/wait-queue.ts'

/** Since when the first of them has been waiting without receiving a byte; `undefined`: none is. */
export function waitingSince(connections: Iterable<Connection>, now: number): number | undefined {
  let since: number | undefined
  for (const connection of connections) {
    const its = silentSince(connection, now)
    if (its !== undefined && its < (since ?? Number.POSITIVE_INFINITY)) since = its
  }
  return since
}

/** None is open, and those that are being made have not received a byte. */
export function areUnanswered(connections: Iterable<Connection>): boolean {
  let dialled = false
  for (const connection of connections) {
    if (connection.alive) return false
    if (connection.state !== 'connecting') continue
    // A hook may be at work on it, or it is only far.
    if (bytesReceived(connection) > 0) return false
    dialled = true
  }
  return dialled
}

/** Refuses those who can go elsewhere. */
export function moveWaiters(queue: WaitQueue<Lease>): void {
  for (const waiter of queue)
    if (waiter.mayMove) waiter.refuse(new NoConnectionError('unreachable', new GivenUpError()))
}

/** Closes what is unused, and what has waited too long; and refuses those who have waited too long for a connection. */
export function giveUp(
  connections: Iterable<Connection>,
  queue: WaitQueue<Lease>,
  now: number,
  { movableMs, boundMs }: SilenceLimits,
): void {
  for (const connection of connections) {
    const patience = connection.movable ? movableMs : boundMs
    if (connection.state === 'idle' || connection.state === 'settling') connection.kill(new GivenUpError())
    else if (connection.state === 'connecting') {
      if (now - connection.since >= movableMs) connection.kill(new GivenUpError())
    } else if (now - (silentSince(connection, now) ?? now) >= patience) connection.kill(new GivenUpError())
  }
  for (const waiter of queue) {
    if (now - waiter.since >= movableMs) waiter.refuse(new NoConnectionError('unreachable', new GivenUpError()))
  }
}
