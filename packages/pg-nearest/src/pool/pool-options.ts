import type pg from 'pg'
import type { Consistency } from '../session/consistency.ts'

/** One server: its URL, or its URL and region. */
export interface ServerOptions {
  /** A short code such as `nrt`. */
  readonly region?: string | undefined
  /** `postgres://user:password@host:port/database?…`, as pg takes it. */
  readonly url: string
}

/** Options of `pg.Pool` that name a server; ours are `primary` and `replicas`. */
export type ServerNaming = 'connectionString' | 'host' | 'port' | 'database' | 'user' | 'password' | 'Client'

/** What each server's `pg.Pool` takes: every option of pg that does not name a server. */
export type PgOptions = Omit<pg.PoolConfig, ServerNaming | 'pipeline'>

/**
 * Options of {@link createPool}. Every option of `pg.Pool` that does not name a server (`max`, `idleTimeoutMillis`,
 * `ssl`, `statement_timeout`, `application_name` …) may stand beside these and applies to each server's pool.
 */
export interface NearestPoolOptions extends PgOptions {
  /**
   * Where this process runs. It need not be in the list, and case does not count. Without it the nearest server is found
   * by measured time alone.
   */
  readonly region?: string | undefined
  /** The server that takes the writes; a plain URL is allowed. */
  readonly primary: string | ServerOptions
  /** Region to URL, or to several URLs. Default: none, and then this is one database and nothing else. */
  readonly replicas?: Readonly<Record<string, string | readonly string[]>> | undefined
  /**
   * What reads must show. Default `session`: everything that was written or seen before in the same `pool.session`, or
   * else in this process. `eventual`: whatever the nearest server has. `strong`: the primary answers. `{ maxStalenessMs }`:
   * as `session`, and nothing that is provably older; below twice `probeIntervalMs` this mostly means the primary.
   */
  readonly consistency?: Consistency | undefined
  /**
   * Sends statements that belong together at once. Default true. `false` is for a pooler that cannot take a statement
   * before it has answered the one before: the same guarantees, for more round trips.
   */
  readonly pipeline?: boolean | undefined
  /** Milliseconds between two probes of a server. Default 1,000; at least 50. One short query on a connection of its own. */
  readonly probeIntervalMs?: number | undefined
  /** Milliseconds after which a probe without an answer counts as failed. Default 1,500; at least 1. */
  readonly probeTimeoutMs?: number | undefined
  /**
   * Milliseconds that a server has to accept a connection before the next server is tried. Default 2,000; at least 1.
   * (pg's `connectionTimeoutMillis` bounds the whole wait for a connection, a full pool included; by default it has no
   * bound.)
   */
  readonly connectTimeoutMs?: number | undefined
  /** How many texts to remember that a standby refused. Default 10,000; 0 for none. */
  readonly learnedStatements?: number | undefined
}
