import type { Health } from './health.ts'
import type { ProblemCode } from './problem.ts'
import type { Refusal } from './refused-function.ts'

/** A server's role by its own report; `unknown` until it has been asked. */
export type Role = 'primary' | 'replica' | 'unknown'

export type { Health }

/** A server as configured. */
export interface Server {
  /** Unique: its region, followed by `#2`, `#3` … for a region's further servers. It stays while the server is listed, in any order. */
  readonly name: string
  /** `undefined` for a plain URL without a region. */
  readonly region: string | undefined
  /** The role that the configuration gives it. A guess until the server has been asked. */
  readonly declared: 'primary' | 'replica'
  /** It stands with the primary in one URL of several hosts, any of which may take the writes. */
  readonly candidate?: boolean | undefined
  /** Its share of the reads among servers that are equally near. 0: it is read from only if nothing else is left. Default 1. */
  readonly weight?: number | undefined
  /** For `pool.replica({ label })`. */
  readonly labels?: readonly string[] | undefined
  /** The option `ssl` has no effect, because its URL has `sslmode` or the like. */
  readonly sslIsOverridden?: boolean | undefined
}

/** What is known of a machine beside its position; see {@link ServerState}. */
export type MemberFacts = Pick<
  ServerState,
  'lagBytes' | 'stalenessMs' | 'walEnd' | 'receiving' | 'lacksSince' | 'stalledMs' | 'lastSeenAt'
>

/** One of several machines that a server's name leads to, as of the last time that a probe led there. */
export interface Member extends MemberFacts {
  readonly machine: string
  readonly role: Role
  /** As of the last time that it was asked. */
  readonly lsn: bigint | undefined
  readonly timeline: number | undefined
}

/** What is known about one server at one moment. */
export interface ServerState extends Server {
  readonly weight: number
  readonly labels: readonly string[]
  readonly role: Role
  readonly health: Health
  /** Since when it has this health, in milliseconds since the epoch. */
  readonly since: number
  /** Probes in a row that failed. */
  readonly failures: number
  /** It is a primary that refuses writes: fenced, or out of disk. */
  readonly readOnly: boolean
  /** Milliseconds for one round trip, as a moving average; `undefined` before the first measurement. */
  readonly rttMs: number | undefined
  /** A decaying minimum of them: the distance without queueing delays. */
  readonly leastRttMs: number | undefined
  /** Replay position on a replica, insert position on a primary. */
  readonly lsn: bigint | undefined
  /** The end of the WAL that it has on its disk: received on a replica, where it may not be replayed yet; written on a primary. */
  readonly walEnd: bigint | undefined
  /** A walreceiver runs on this replica. One that is fed from an archive alone has none. */
  readonly receiving: boolean | undefined
  /** Since when it has lacked WAL of the primary without receiving any, by `performance.now()`. */
  readonly lacksSince: number | undefined
  readonly timeline: number | undefined
  /** A standby reports its timeline from the control file, which is late after a promotion: without pg_monitor, or while it receives nothing. */
  readonly timelineIsLate: boolean
  /** Identifies the cluster: servers that replicate from each other share it. */
  readonly systemIdentifier: string | undefined
  /** The machine that answered last was a standby when it was asked before: if it is a primary now, it was promoted. */
  readonly seenInRecovery: boolean
  /** The machines that were seen in recovery behind this name, the latest last; see {@link machine}. */
  readonly standbys: readonly string[]
  /**
   * The machine that answered last said that it is the primary while the declared primary did, too, so that it is not its successor.
   */
  readonly seenBesidePrimary: boolean
  /** Such as `18.4`. */
  readonly version: string | undefined
  /**
   * Whether it reports to this role its position, its timeline and its cluster, so that it can prove what it shows. `none`: sessions that have
   * written read from the primary.
   */
  readonly positions: 'unknown' | 'full' | 'none'
  /** The functions that this role may not call there. */
  readonly refused: readonly Refusal[]
  /** Replay behind the primary's last known position, in bytes; 0 on a primary. */
  readonly lagBytes: number | undefined
  /** Upper bound on how far behind, in milliseconds, at `asOf`; 0 on a primary. Idle is not lag. */
  readonly stalenessMs: number | undefined
  /**
   * For how long a replica has received nothing although the primary had more, in milliseconds; 0 if it has all, or receives, and on a
   * primary. `undefined` if that is not known. From `stalledAfterMs` on reads avoid it.
   */
  readonly stalledMs: number | undefined
  /**
   * The machine that answered last, by its start in seconds since the epoch, its own address and its port; `undefined` if it does not
   * report them to this role.
   */
  readonly machine: string | undefined
  /**
   * The machines that its name leads to, if new connections were seen to lead to one or another (a reader's endpoint, a balancer): what one
   * of them shows proves nothing for the others. Empty if there is only one.
   */
  readonly members: readonly Member[]
  /** A pooler stands before it: each transaction may run on another machine. */
  readonly pooled: boolean
  /** Whether it takes several statements at once; some poolers do not. `true` until it was seen not to. */
  readonly pipelines: boolean
  /** Why it is `down`, or what is wrong with its place in the configuration. One sentence, never a password. */
  readonly problem: string | undefined
  /** The same as a code that stays the same between releases. */
  readonly problemCode: ProblemCode | undefined
  /** When it last answered, in milliseconds since the epoch. */
  readonly lastSeenAt: number | undefined
}

/** An immutable snapshot of all servers. Each change makes a new one. */
export interface Topology {
  /** In the order of the configuration, the primary first. */
  readonly servers: readonly ServerState[]
  /** The option "cluster": the identifier of the cluster that the servers must belong to. */
  readonly cluster?: string | undefined
  /** The option "stalledAfterMs". */
  readonly stalledAfterMs?: number | undefined
  /** The machines that were seen beside the declared primary, behind whatever name, the latest last; see {@link ServerState.seenBesidePrimary}. */
  readonly rivals?: readonly string[] | undefined
  readonly asOf: number
}
