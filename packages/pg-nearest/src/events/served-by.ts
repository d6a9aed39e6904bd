import type { Role } from '../topology/topology.ts'

/**
 * Why a statement ran where it ran.
 *
 * - `own-region`: the server of this process's region.
 * - `nearest`: the nearest by measured time; this region has none that works.
 * - `no-replica`: no replica could be used, so the primary was.
 * - `asked`: the caller named the server (`pool.primary`, `pool.replica('syd')`, `route: 'primary'`).
 * - `write`, `session`: the text needs the primary.
 * - `learned-write`: this text was refused by a standby before.
 * - `transaction`: part of a transaction.
 * - `pinned`: this borrowed client needs one connection (SET, LISTEN, a temporary table, an advisory lock …).
 * - `own-write`: this borrowed client wrote before.
 * - `strong`: the caller wanted the primary's answer (`consistency: 'strong'`).
 * - `lagging`: a nearer server was not sure to show what this session has written or seen, or was too far behind.
 * - `unproven`: no server could be asked that is sure to show it, so the nearest answered: only outside of
 *   `pool.session`, and only while no primary can be reached.
 * - `hedged`: another server was asked first and took long, so this one was asked too, and was faster.
 * - `retry`: another server was tried first and could not run it.
 */
export type RouteReason =
  | 'own-region'
  | 'nearest'
  | 'no-replica'
  | 'asked'
  | 'write'
  | 'session'
  | 'learned-write'
  | 'transaction'
  | 'pinned'
  | 'own-write'
  | 'strong'
  | 'lagging'
  | 'unproven'
  | 'hedged'
  | 'retry'

/** Which server gave a result, and why that one. On every result as `servedBy`. */
export interface ServedBy {
  /** The server's name, such as `ord` or `ord#2`. */
  readonly server: string
  readonly region: string | undefined
  readonly role: Role
  readonly reason: RouteReason
  /** How many servers were tried, this one included. */
  readonly attempts: number
}
