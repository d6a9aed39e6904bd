import type { Mode } from '../modes/pool-mode.ts'
import type { RouteReason, ServedBy } from './served-by.ts'
import type { ProblemCode } from '../topology/problem.ts'
import type { Topology } from '../topology/topology-types.ts'

/** A statement that has succeeded or failed. */
export interface QueryEvent {
  /** The text, without its values. */
  readonly text: string
  /** `undefined` if it failed. */
  readonly servedBy: ServedBy | undefined
  /** From the call to the result, waiting for a connection included. */
  readonly durationMs: number
  readonly error?: unknown
  /** The pool's mode in which it ran. */
  readonly mode: Mode
}

/** Something that needs a person's attention: a wrong URL, a server that is down, a replica that turns out to be the primary. */
export interface ProblemEvent {
  /** `undefined` if it is about the list of servers. */
  readonly server: string | undefined
  readonly region: string | undefined
  readonly code: ProblemCode
  /** A sentence or two that say what to do. Never contains a password. */
  readonly message: string
  readonly cause?: unknown
}

/** Writes go to another server now. */
export interface PrimaryEvent {
  readonly server: string
  readonly region: string | undefined
  readonly timeline: number | undefined
  /** The server that took them before. */
  readonly before: string | undefined
}

/** What a session had written or seen no longer exists, because the primary was replaced or restored. */
export interface PositionLostEvent {
  /** The primary that does not have it. */
  readonly server: string
  readonly region: string | undefined
  /** The position that was lost, as PostgreSQL prints it, and its timeline. */
  readonly lost: { readonly lsn: string; readonly timeline: number }
  /** The primary's position, from which the session goes on. */
  readonly now: { readonly lsn: string; readonly timeline: number }
}

/** The pool runs statements in another mode now, or others of its sessions do. */
export interface ModeEvent {
  readonly mode: Mode
  readonly before: Mode
}

/** Whether the pool has a server that takes writes has changed. */
export interface WriterEvent {
  readonly available: boolean
  /** Who takes the writes; `undefined` while nobody does. */
  readonly server: string | undefined
  readonly region: string | undefined
}

/** The bookmark store does not answer, or answers again. Sessions ask the primary meanwhile. */
export interface StoreEvent {
  readonly available: boolean
  /** `NEAREST_STORE_GARBAGE`: it answers, but what it held for some key was no bookmark. `undefined`: all is well again. */
  readonly code: 'NEAREST_STORE_SILENT' | 'NEAREST_STORE_FAILED' | 'NEAREST_STORE_GARBAGE' | undefined
  /** A sentence that says what to do. Contains no key. */
  readonly message: string
  readonly cause?: unknown
}

/**
 * Whether a replica had shown what a read must show.
 *
 * - `unneeded`: nothing had to be shown, or the primary would have answered anyway.
 * - `held`: it had.
 * - `failed`: it had not, and the primary would have been asked.
 */
export type ObservedProof = 'unneeded' | 'held' | 'failed'

/** In the mode `observe`: what would have become of a statement that ran on the primary. */
export interface ObservedEvent {
  /** The text, without its values. */
  readonly text: string
  /** The server that would have run it. */
  readonly server: string
  readonly region: string | undefined
  readonly reason: RouteReason
  readonly proof: ObservedProof
  /** From the call to the result, on the primary. */
  readonly tookMs: number
  /** How much sooner the result would have come, by the measured round trips; below 0: so much later. */
  readonly savedMs: number
}

/** The events of a pool beside those of `pg.Pool`. Listeners run in the caller's async context. */
export interface NearestEvents {
  query: [event: QueryEvent]
  /** A server's role or health changed. */
  topology: [topology: Topology]
  problem: [event: ProblemEvent]
  /** After a failover or a switchover: writes go to this server now. */
  primary: [event: PrimaryEvent]
  /** Emitted once for each session that is affected. */
  'position-lost': [event: PositionLostEvent]
  /** `pool.mode` or `pool.modes` was set. */
  mode: [event: ModeEvent]
  /**
   * No server takes writes any more, so that nothing is written until this is emitted again; or one does. Not with one database, which
   * nobody probes.
   */
  writer: [event: WriterEvent]
  /** Once when the bookmark store fails, and once when it works again. */
  store: [event: StoreEvent]
  /** In the mode `observe`, for each statement that succeeded. */
  observed: [event: ObservedEvent]
  /** The pool has not been used for `quietAfterMs`: its connections are closed, and no server is asked. */
  quiet: []
  /** It is used again after that. */
  wake: []
}
