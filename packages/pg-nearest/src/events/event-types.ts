import type { ServedBy } from './served-by.ts'
import type { Topology } from '../topology/topology.ts'

/** A statement that has ended, well or not. */
export interface QueryEvent {
  /** The text, without its values. */
  readonly text: string
  /** `undefined` when it failed; `error` then says why, and for what concerns the servers which of them said what. */
  readonly servedBy: ServedBy | undefined
  /** From the call to the result, with the wait for a connection. */
  readonly durationMs: number
  readonly error?: unknown
}

/** Something that a person should look at: a wrong URL, a server that went down, a replica that is the primary. */
export interface ProblemEvent {
  /** `undefined` where it is about the list of servers. */
  readonly server: string | undefined
  readonly region: string | undefined
  /** One sentence that says what to do. Never holds a password. */
  readonly message: string
  readonly cause?: unknown
}

/** Another server takes the writes now. */
export interface PrimaryEvent {
  readonly server: string
  readonly region: string | undefined
  readonly timeline: number | undefined
  /** Who took them before. */
  readonly before: string | undefined
}

/** A session had written, or seen, what no longer exists: the primary that knew it was replaced, or restored. */
export interface PositionLostEvent {
  /** The primary that does not have it. */
  readonly server: string
  readonly region: string | undefined
  /** The position that was lost, as PostgreSQL prints it, and its timeline. */
  readonly lost: { readonly lsn: string; readonly timeline: number }
  /** Where the primary was: the session goes on from here. */
  readonly now: { readonly lsn: string; readonly timeline: number }
}

/** What a pool emits beside the events of `pg.Pool`. Listeners run in the caller's async context. */
export interface NearestEvents {
  query: [event: QueryEvent]
  /** A server's role or health changed. */
  topology: [topology: Topology]
  problem: [event: ProblemEvent]
  /** After a failover or a switchover: writes go to this server now. */
  primary: [event: PrimaryEvent]
  /** Emitted once for each session that waits for it. */
  'position-lost': [event: PositionLostEvent]
}
