/**
 * How a server does, as far as is known here.
 *
 * - `connecting`: it has not been heard of yet.
 * - `up`: it answered last time.
 * - `suspect`: a connection to it was lost; it is being asked. It is used on, behind its equals.
 * - `down`: it could not be reached, or was silent for too long. It is used when nobody else is left.
 * - `leaving`: it was taken out of the list, and ends what it has begun.
 */
export type Health = 'connecting' | 'up' | 'suspect' | 'down' | 'leaving'

/**
 * What happens to a server.
 *
 * - `answered`: it answered a probe.
 * - `unreachable`: it refused a connection, or a probe.
 * - `silent`: it did not answer a probe in time.
 * - `lost`: a connection to it died with a statement on it.
 * - `removed`: it is not in the list any more.
 */
export type Sign = 'answered' | 'unreachable' | 'silent' | 'lost' | 'removed'

const LEAVING = {
  answered: 'leaving',
  unreachable: 'leaving',
  silent: 'leaving',
  lost: 'leaving',
  removed: 'leaving',
} as const

const transitions: Readonly<Record<Health, Readonly<Record<Sign, Health>>>> = {
  connecting: { answered: 'up', unreachable: 'down', silent: 'down', lost: 'connecting', removed: 'leaving' },
  up: { answered: 'up', unreachable: 'down', silent: 'down', lost: 'suspect', removed: 'leaving' },
  suspect: { answered: 'up', unreachable: 'down', silent: 'down', lost: 'suspect', removed: 'leaving' },
  down: { answered: 'up', unreachable: 'down', silent: 'down', lost: 'down', removed: 'leaving' },
  leaving: LEAVING,
}

export function nextHealth(health: Health, sign: Sign): Health {
  return transitions[health][sign]
}

/** It may be chosen before those that are known to be gone. */
export function isUsable({ health }: { readonly health: Health }): boolean {
  return health !== 'down' && health !== 'leaving'
}
