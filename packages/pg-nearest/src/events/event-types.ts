import type { ServedBy } from './served-by.ts'
import type { ProblemCode } from '../topology/problem.ts'
import type { Topology } from '../topology/topology.ts'

/** A statement that has succeeded or failed. */
export interface QueryEvent {
  /** The text, without its values. */
  readonly text: string
  /** `undefined` if it failed. */
  readonly servedBy: ServedBy | undefined
  /** From the call to the result, waiting for a connection included. */
  readonly durationMs: number
  readonly error?: unknown
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
  /** The pool has not been used for `quietAfterMs`: its connections are closed, and no server is asked. */
  quiet: []
  /** It is used again after that. */
  wake: []
}
