/** Milliseconds of round trip: one number for every pair of regions, or pairs such as `'nrt-ord'` in either order. */
export type Rtt = number | Readonly<Record<string, number>>

export interface WorldOptions {
  /** The region whose server takes the writes. */
  readonly primary: string
  /** A streaming replica in each of these. Default: none. */
  readonly replicas?: readonly string[] | undefined
  /**
   * Distances. Default, and for pairs that are not named: by where the regions are. A region that nobody knows needs its
   * distances here.
   */
  readonly rtt?: Rtt | undefined
  /** A folder with `bin/postgres` and `bin/initdb`, or with those files themselves. Default: PostgreSQL from npm. */
  readonly binaries?: string | undefined
  /** Settings for `postgresql.conf` of every server. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** The name of the database. Default `app`. */
  readonly database?: string | undefined
  /**
   * Runs `initdb` instead of copying what an earlier run has made. Worlds that are copied from the same share one system
   * identifier, as if they were one cluster. Default false.
   */
  readonly fresh?: boolean | undefined
  /** Called as the world boots: how many of how many steps are done, and the one that is. */
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
  /** The server, from inside its region. */
  readonly url: string
  /** Insert position on the primary, replay position on a replica; as PostgreSQL prints it. */
  readonly lsn?: string
  readonly replayPaused?: boolean
  /** Of the server's main process. */
  readonly pid?: number
}

/** Options for `createPool` of pg-nearest, as an app in one region would have them. */
export interface WorldPoolOptions {
  readonly region: string
  readonly primary: { readonly region: string; readonly url: string }
  readonly replicas: Record<string, string>
}

/**
 * Real PostgreSQL servers, one for each region, with links between the regions that take as long as the real distance.
 * It keeps the process alive until it is stopped. If the process ends, however it ends, the servers end with it.
 *
 * Everything rejects or throws a {@link WorldError} with code `WORLD_UNKNOWN_REGION` for a region that is not in the
 * world, and `WORLD_STOPPED` after the end.
 */
export interface World extends AsyncDisposable {
  /** All regions, the current primary's first. */
  readonly regions: readonly string[]
  /** The region whose server is the primary now. */
  readonly primary: string
  /** A region's server: from inside the region, or, with `from`, across the link from another one. */
  url(region: string, options?: { readonly from?: string }): string
  poolOptions(region: string): WorldPoolOptions
  /** Milliseconds of round trip between two regions, as they are set now; 0 inside of one. */
  rtt(a: string, b: string): number
  /** Holds for what leaves from now on, in both directions, on open connections too. */
  setRtt(a: string, b: string, ms: number): void
  /** Up to this many milliseconds more in each direction, at random; the order of what is sent stays. 0 ends it. */
  setJitter(a: string, b: string, ms: number): void
  /** Of each direction; `Infinity` for no bound. */
  setBandwidth(a: string, b: string, bytesPerSecond: number): void
  /** Nothing passes between two regions, in either direction, and no connection is told. New ones hang. */
  partition(a: string, b: string): void
  /** What was sent meanwhile arrives, as TCP would have it. */
  heal(a: string, b: string): void
  /** SIGKILL to all of a server's processes. What it has acknowledged is still on its disk. */
  kill(region: string): Promise<void>
  /** Brings a killed server back: as the primary it was, or as a replica of the current one. One that runs, runs on. */
  start(region: string): Promise<void>
  /** The replica goes on receiving, and shows nothing new. */
  pauseReplay(region: string): Promise<void>
  resumeReplay(region: string): Promise<void>
  /**
   * A failover: the old primary is killed, this replica takes its place, the others follow it, and the old one, if it was
   * alive, is cloned anew as a replica. What this replica had not received is lost.
   */
  promote(region: string): Promise<void>
  /** A new replica joins while the world runs. */
  addRegion(region: string): Promise<void>
  status(): Promise<readonly RegionStatus[]>
  /** Ends all servers and links and removes their files. Idempotent. */
  stop(): Promise<void>
}
