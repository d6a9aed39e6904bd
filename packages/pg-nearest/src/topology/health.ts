/**
 * How a server is doing, as far as this process knows.
 *
 * - `connecting`: it has not answered yet.
 * - `up`: it answered the latest probe.
 * - `suspect`: it was up, and a connection to it was lost or refused; or it was down, and has answered a statement. It is being probed, and used
 *   after servers that are equally near.
 * - `down`: it could not be reached, was silent for too long, or has refused us (a wrong password) since before it was ever up. It is used only if no other server is left.
 * - `leaving`: it was removed from the list, and finishes what it has begun.
 */
export type Health = 'connecting' | 'up' | 'suspect' | 'down' | 'leaving'

/**
 * What happens to a server.
 *
 * - `answered`: it answered a probe.
 * - `served`: it answered a statement, on a connection that was not given up.
 * - `refused`: it answered a connection or a probe with an error, so it is alive.
 * - `unreachable`: no connection could be made, or it said that it is starting up or shutting down.
 * - `silent`: it did not answer a probe in time.
 * - `lost`: a connection to it died with a statement on it.
 * - `removed`: it is no longer in the list.
 */
export type Sign = 'answered' | 'served' | 'refused' | 'unreachable' | 'silent' | 'lost' | 'removed'

const transitions: Readonly<Record<Health, Readonly<Record<Sign, Health>>>> = {
  connecting: {
    answered: 'up',
    served: 'connecting',
    refused: 'down',
    unreachable: 'down',
    silent: 'down',
    lost: 'connecting',
    removed: 'leaving',
  },
  up: {
    answered: 'up',
    served: 'up',
    refused: 'suspect',
    unreachable: 'down',
    silent: 'down',
    lost: 'suspect',
    removed: 'leaving',
  },
  suspect: {
    answered: 'up',
    served: 'suspect',
    refused: 'suspect',
    unreachable: 'down',
    silent: 'down',
    lost: 'suspect',
    removed: 'leaving',
  },
  down: {
    answered: 'up',
    served: 'suspect',
    refused: 'down',
    unreachable: 'down',
    silent: 'down',
    lost: 'down',
    removed: 'leaving',
  },
  leaving: {
    answered: 'leaving',
    served: 'leaving',
    refused: 'leaving',
    unreachable: 'leaving',
    silent: 'leaving',
    lost: 'leaving',
    removed: 'leaving',
  },
}

export function nextHealth(health: Health, sign: Sign): Health {
  return transitions[health][sign]
}

/** Neither down nor leaving. */
export function isUsable({ health }: { readonly health: Health }): boolean {
  return health !== 'down' && health !== 'leaving'
}
