import type { FailedAttempt } from '../errors.ts'
import type { Role } from '../topology/topology-types.ts'

/**
 * Why a statement ran where it ran.
 *
 * - `own-region`: the server of this process's region.
 * - `nearest`: the nearest by measured time, because this region has no server that works.
 * - `no-replica`: the primary, because no replica could be used.
 * - `asked`: the caller named the server (`pool.primary`, `pool.replica('syd')`, `route: 'primary'`).
 * - `write`, `session`: the text needs the primary.
 * - `server-bound`: a standby would answer it with what is true of itself (`pg_is_in_recovery()`, `pg_stat_activity` …), so the primary
 *   answers. `pool.queryEach()` asks every server.
 * - `learned-write`: a standby has refused this text before.
 * - `transaction`: part of a transaction.
 * - `pinned`: this borrowed client needs one connection (SET, LISTEN, a temporary table, an advisory lock …).
 * - `own-write`: this borrowed client has written before, and the server that it would read from is not known to show it yet.
 * - `mode`: the primary, because the pool is in a mode in which everything runs there: `primary-only`, `observe`.
 * - `strong`: the caller wanted the primary's answer (`consistency: 'strong'`).
 * - `lagging`: a nearer server was not sure to show what this session has written or seen, or was too stale.
 * - `unproven`: the nearest server, which may not show all that was written, because no server that does could be reached. Only
 *   outside of `pool.session`, and only while there is no primary.
 * - `hedged`: another server was slow, so this one was asked too, and answered first.
 * - `schema-lag`: the primary, because a replica could not run it and may lack what a migration has just made.
 * - `retry`: another server was tried first and could not run it.
 */
export type RouteReason =
  | 'own-region'
  | 'nearest'
  | 'no-replica'
  | 'asked'
  | 'write'
  | 'session'
  | 'server-bound'
  | 'learned-write'
  | 'transaction'
  | 'pinned'
  | 'own-write'
  | 'mode'
  | 'strong'
  | 'lagging'
  | 'unproven'
  | 'hedged'
  | 'schema-lag'
  | 'retry'

/** Which server gave a result, and why. Every result has it as `servedBy`. */
export interface ServedBy {
  /** The server's name, such as `ord` or `ord#2`. */
  readonly server: string
  readonly region: string | undefined
  readonly role: Role
  readonly reason: RouteReason
  /** How many servers were tried, this one included. */
  readonly attempts: number
  /** Those that were tried before, and why each did not do. Absent if the first one answered. */
  readonly failed?: readonly FailedAttempt[]
}

/** All but the region. */
export function arrivalAt(
  server: string,
  reason: RouteReason,
  standby: boolean,
  attempts: number = 1,
): Omit<ServedBy, 'region'> {
  return { server, role: standby ? 'replica' : 'primary', reason, attempts }
}

/** @param arrival - all but the region. */
export function inRegion(arrival: Omit<ServedBy, 'region'>, region: string | undefined): ServedBy {
  const { server, role, reason, attempts, failed } = arrival
  // Written out: most reads come this way, and a spread costs them a microsecond.
  return failed === undefined ? { server, region, role, reason, attempts } : { ...arrival, region }
}
