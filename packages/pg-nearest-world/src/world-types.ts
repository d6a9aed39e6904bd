import type { PostgresVersion } from './postgres-version.ts'
import type { Link, ListenAddress } from './wan/network.ts'

export type { Link, ListenAddress }

/** Milliseconds of round trip: one number for every pair of regions, or pairs such as `'nrt-ord'` in either order. */
export type Rtt = number | Readonly<Record<string, number>>

export interface WorldOptions {
  /** The region whose server takes the writes. */
  readonly primary: string
  /** A streaming replica in each of these. Default: none. */
  readonly replicas?: readonly string[] | undefined
  /**
   * Round-trip times. By default, and for pairs that are not named, they follow from where the regions are. For a region
   * with a name of your own they must be given here.
   */
  readonly rtt?: Rtt | undefined
  /**
   * The major of PostgreSQL. Only 18 comes with this package: another one is found if npm or the operating system has installed it, and
   * if not, the error has code `WORLD_NO_POSTGRES` and says how to install it. Default: what the variable `PG_NEAREST_WORLD_VERSION`
   * says, else 18.
   */
  readonly version?: PostgresVersion | undefined
  /**
   * A folder with `bin/postgres` and `bin/initdb`, or with those files themselves, of PostgreSQL 15 or later; of `version`, if that is
   * given, too. Default: PostgreSQL from npm.
   */
  readonly binaries?: string | undefined
  /**
   * The first of fixed ports, so that URLs are the same each time: the servers have this one and those that follow it, in the order of the
   * regions, and the links between regions those from a hundred higher on. From 1,024 to 65,000. Default: any that are free.
   */
  readonly ports?: number | undefined
  /** Settings for `postgresql.conf` of every server. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** The name of the database. Default `app`. */
  readonly database?: string | undefined
  /**
   * Runs `initdb` instead of copying what an earlier run has made. Worlds that start from the same copy share one
   * system identifier, as if they were one cluster. Default false.
   */
  readonly fresh?: boolean | undefined
  /** Called while the world boots, after each step: its name, and how many of how many are done. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export interface Progress {
  readonly done: number
  readonly total: number
  readonly step: string
}

export interface RegionStatus {
  readonly region: string
  readonly role: 'primary' | 'replica' | 'down'
  /** The server's URL for clients in its own region. */
  readonly url: string
  /** Insert position on the primary, replay position on a replica; as PostgreSQL prints it. */
  readonly lsn?: string
  readonly replayPaused?: boolean
  /** The process id of the server's main process. */
  readonly pid?: number
}

export interface UrlOptions {
  /** The client's region. Default: the server's own. */
  readonly from?: string | undefined
  /** Default `app`, an ordinary role. The superuser is for what an administrator would do beside the app. */
  readonly as?: 'app' | 'superuser' | undefined
}

/** From where to where a link leads. */
export interface LinkOptions {
  readonly from: string
  readonly to: string
  /** What it leads to in `to`: a port on 127.0.0.1 of this machine. Default: that region's PostgreSQL server. */
  readonly port?: number | undefined
  /** Where it listens. Default: a free port on 127.0.0.1. */
  readonly at?: ListenAddress | undefined
}

/** Options for `createPool` of pg-nearest, as an app in one region would have them. */
export interface WorldPoolOptions {
  readonly region: string
  readonly primary: { readonly region: string; readonly url: string }
  readonly replicas: Record<string, string>
}

/**
 * Real PostgreSQL servers, one for each region, with links between the regions that are as slow as the real distance.
 * It keeps the process alive until it is stopped. If the process ends, however it ends, the servers end with it.
 *
 * Every method rejects or throws a {@link WorldError}: with code `WORLD_UNKNOWN_REGION` for a region that is not in the
 * world, and with `WORLD_STOPPED` once it is stopped.
 */
export interface World extends AsyncDisposable {
  /** All regions, the current primary's first. */
  readonly regions: readonly string[]
  /** The region whose server is the primary now. */
  readonly primary: string
  /** The version of PostgreSQL that all servers run, such as `18.4`. */
  readonly version: string
  /**
   * The URL of a region's server, for an app in that region or, with `from`, across the link from another region. The app's role is an
   * ordinary one that owns the database, as on managed PostgreSQL.
   */
  url(region: string, options?: UrlOptions): string
  poolOptions(region: string): WorldPoolOptions
  /** Whether the region's server runs. */
  isUp(region: string): boolean
  /**
   * Opens a link from one region to a service of your own in another, as slow as the link to the server there; within one region it has
   * no delay. It ends with the world.
   */
  link(options: LinkOptions): Promise<Link>
  /** The current round-trip time between two regions in milliseconds; 0 within a region. */
  rtt(a: string, b: string): number
  /** Applies to everything sent from now on, in both directions, on open connections too. */
  setRtt(a: string, b: string, ms: number): void
  /** Adds a random delay of up to this many milliseconds in each direction. Packets still arrive in order. 0 ends it. */
  setJitter(a: string, b: string, ms: number): void
  /** Limits each direction; `Infinity` for no limit. */
  setBandwidth(a: string, b: string, bytesPerSecond: number): void
  /** Drops all traffic between two regions, in both directions. Open connections get no error, and new ones hang. */
  partition(a: string, b: string): void
  /** Ends a partition. What was sent meanwhile arrives, because TCP retransmits. */
  heal(a: string, b: string): void
  isPartitioned(a: string, b: string): boolean
  /** Kills all of a server's processes with SIGKILL. What it has acknowledged survives on disk. */
  kill(region: string): Promise<void>
  /**
   * Starts a killed server again: as the primary if it still is, else as a replica of the current one. It keeps its port,
   * unless another program has taken it. Does nothing if the server runs.
   */
  start(region: string): Promise<void>
  /** The replica goes on receiving WAL but does not replay it, so queries see nothing new. */
  pauseReplay(region: string): Promise<void>
  resumeReplay(region: string): Promise<void>
  /**
   * A failover: kills the primary and promotes this replica, and the others follow it. The old primary, if it was running,
   * is cloned from the new one as a replica. What this replica had not received is lost.
   */
  promote(region: string): Promise<void>
  /** Adds a replica while the world runs. */
  addRegion(region: string): Promise<void>
  status(): Promise<readonly RegionStatus[]>
  /** Ends all servers and links and removes their files. Idempotent. */
  stop(): Promise<void>
}
