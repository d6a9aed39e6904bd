import type { ProcessRegion } from '../discovery/process-region.ts'
import type { ListedServer } from '../discovery/listed-server.ts'
import type { ServerAddress } from '../discovery/parse-server-url.ts'
import type { ModeShares } from '../modes/mode-rollout.ts'
import type { Mode } from '../modes/pool-mode.ts'
import type { Forecast } from '../engine/observe-mode-report.ts'
import { formatLsn } from '../topology/lsn.ts'
import { serverProblem } from '../failures/server-problem.ts'
import type { ProblemCode } from '../topology/problem.ts'
import { isWriterGone, readTiers, writeOrder } from '../server-selection/server-selection.ts'
import { aheadMs } from '../sleep-aware-clock.ts'
import { inWallTime } from '../topology/in-wall-time.ts'
import type { Member, ServerState, Topology } from '../topology/topology-types.ts'

export type { ProblemCode }

export interface MemberStatus extends Omit<Member, 'lsn' | 'walEnd' | 'lacksSince'> {
  readonly lsn: string | undefined
  readonly walEnd: string | undefined
}

export interface ServerStatus extends Omit<ServerState, 'lsn' | 'members' | 'walEnd' | 'lacksSince' | 'standbys'> {
  /** `host:port`, as in the list; for a socket with its directory as the host. `undefined` once it has left the list. */
  readonly address: string | undefined
  /** See `ServerState`. */
  readonly members: readonly MemberStatus[]
  /** Replay position on a replica, insert position on a primary, as PostgreSQL prints it: `16/B374D848`. */
  readonly lsn: string | undefined
  /** The end of the WAL that it has on its disk, likewise: received on a replica, where it may not be replayed yet; written on a primary. */
  readonly walEnd: string | undefined
  /** Reads from here use this server now, or one of several that are equally near. Never one that is down, though it is tried where all are. */
  readonly readFrom: boolean
  /** Writes go here now. */
  readonly writeTo: boolean
  /** This process's connections to it, without those of the monitor. */
  readonly connections: ConnectionCounts
}

export interface ConnectionCounts {
  /** Open or being opened. */
  readonly total: number
  /** Open and not in use. */
  readonly idle: number
  /** Statements that wait for a connection. */
  readonly waiting: number
}

const NORMAL: PoolState = { mode: 'normal', modes: {}, observed: undefined, bookmarkStore: undefined }
const NO_CONNECTIONS: ConnectionCounts = { total: 0, idle: 0, waiting: 0 }

/** In which mode a pool runs statements, what it has observed, and its bookmark store. */
export interface PoolState {
  /** The mode of all sessions that `modes` says nothing of. */
  readonly mode: Mode
  /** Which sessions are in other modes. Empty: none. */
  readonly modes: ModeShares
  /** What `normal` would have made of all that ran in the mode `observe`; `undefined`: nothing did. */
  readonly observed: Forecast | undefined
  /** `undefined` without the option `bookmarkStore`. */
  readonly bookmarkStore: BookmarkStoreStatus | undefined
}

/** How the bookmark store is doing. */
export interface BookmarkStoreStatus {
  /** What was wrong with its last answer, in a sentence; `undefined`: nothing. */
  readonly problem: string | undefined
  /** How many keys have a bookmark that could not be put there yet. */
  readonly unsaved: number
}

/** What a pool knows about its servers, for people and dashboards. Plain data, fit for JSON. */
export interface Status extends PoolState {
  /** The region of this process. */
  readonly region: string | undefined
  /** The variable of the platform that says so, such as `VERCEL_REGION`; `undefined` if the option does, or nothing. */
  readonly regionVariable: string | undefined
  /** While the region is unknown: variables that hold one in which no server is listed, such as `AWS_REGION=eu-west-1`. */
  readonly unmatchedRegions: readonly string[]
  /** When the latest of these facts was learned, in milliseconds since the epoch. */
  readonly asOf: number
  /**
   * The pool has not been used for `quietAfterMs`, so it asks no server and holds no connection until it is used again. The servers' state
   * is not known then: they are `connecting`. This status does not wake it; `refresh()` does.
   */
  readonly quiet: boolean
  /** The primary first, then the replicas in the order of the configuration. */
  readonly servers: readonly ServerStatus[]
  /** What is wrong, a sentence each. */
  readonly problems: readonly string[]
}

/** @internal */
export function statusOf(
  snapshot: Topology,
  place: ProcessRegion,
  connections: Iterable<ConnectionCounts & { readonly server: string }> = [],
  quiet = false,
  listed: readonly ListedServer[] = [],
  state: PoolState = NORMAL,
): Status {
  const { region, variable: regionVariable, unmatched: unmatchedRegions } = place
  const topology = inWallTime(snapshot, aheadMs())
  const known = [...connections]
  const [best = []] = readTiers(topology, region)
  const [writer] = isWriterGone(topology) ? [] : writeOrder(topology)
  const servers = topology.servers.map((server) => {
    const problem = serverProblem(topology, server)
    const { lacksSince: _since, standbys: _standbys, ...told } = server
    return {
      ...told,
      address: addressOf(listed.find(({ name }) => name === server.name)?.address),
      lsn: textOf(server.lsn),
      walEnd: textOf(server.walEnd),
      members: server.members.map(({ lacksSince: _lacks, ...member }) => ({
        ...member,
        lsn: textOf(member.lsn),
        walEnd: textOf(member.walEnd),
      })),
      problem: problem?.message,
      problemCode: problem?.code,
      readFrom: server.health !== 'down' && best.some((choice) => choice.server.name === server.name),
      writeTo: server.name === writer?.name,
      connections: countsOf(known.find((each) => each.server === server.name)),
    }
  })
  const all = [...servers, state.bookmarkStore].flatMap((each) => each?.problem ?? [])
  return { region, regionVariable, unmatchedRegions, asOf: topology.asOf, ...state, quiet, servers, problems: all }
}

function addressOf(address: ServerAddress | undefined): string | undefined {
  if (address === undefined) return undefined
  const { host, port } = address
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function textOf(lsn: bigint | undefined): string | undefined {
  return lsn === undefined ? undefined : formatLsn(lsn)
}

function countsOf({ total, idle, waiting }: ConnectionCounts = NO_CONNECTIONS): ConnectionCounts {
  return { total, idle, waiting }
}
