import type pg from 'pg'
import type { HedgeOptions } from '../limits/hedge-options.ts'
import type { Consistency } from '../session/consistency.ts'

/** One server: its URL, or its URL and region. */
export interface ServerOptions {
  /** A short code such as `nrt`. */
  readonly region?: string | undefined
  /** `postgres://user:password@host:port/database?…`, as pg takes it. */
  readonly url: string
}

/** The servers, as `createPool` and `pool.setServers` take them. */
export interface ServerList {
  /** The server that takes the writes now; a plain URL is allowed. */
  readonly primary: string | ServerOptions
  /** Region to URL, or to several URLs. */
  readonly replicas?: Readonly<Record<string, string | readonly string[]>> | undefined
}

/** Names the servers as they are now. What it throws, and an empty answer, leave the list as it was. */
export type ServerSource = () => ServerList | undefined | Promise<ServerList | undefined>

/** Options of `pg.Pool` that name a server; ours are `primary` and `replicas`. */
export type ServerNaming = 'connectionString' | 'host' | 'port' | 'database' | 'user' | 'password' | 'Client'

/** What each server's `pg.Pool` takes: every option of pg that does not name a server. */
export type PgOptions = Omit<pg.PoolConfig, ServerNaming | 'pipeline'>

/**
 * Options of {@link createPool}. Every option of `pg.Pool` that does not name a server (`max`, `idleTimeoutMillis`,
 * `ssl`, `statement_timeout`, `application_name` …) may stand beside these and applies to each server's pool.
 */
export interface NearestPoolOptions extends PgOptions, ServerList {
  /**
   * Where this process runs. It need not be in the list, and case does not count. Without it the nearest server is found
   * by measured time alone.
   */
  readonly region?: string | undefined
  /**
   * Names the servers as they are now: asked every `serversIntervalMs`, and when a server goes. Until it has answered,
   * `primary` and `replicas` are the list. A new region is used, and one that is gone ends what it has begun.
   */
  readonly servers?: ServerSource | undefined
  /** Milliseconds between two calls of `servers`. Default 30,000; at least 100. */
  readonly serversIntervalMs?: number | undefined
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
  /**
   * Milliseconds between two probes of a server. Default 500; at least 50. One short query on a connection of its own. While
   * nobody takes writes, at most 100.
   */
  readonly probeIntervalMs?: number | undefined
  /**
   * Milliseconds of silence after which a server is given up for what can run elsewhere: a probe without an answer has failed, and
   * reads that have waited for the server as long are asked of the next one. Default 1,200; at least 1. It takes up to half of
   * `probeIntervalMs` more until a silence is noticed. A server that stalls now and then for longer wants more.
   */
  readonly probeTimeoutMs?: number | undefined
  /**
   * Milliseconds of silence after which a write or a transaction in flight, which cannot run elsewhere, is given up: its connection
   * is closed, and a write is of unknown outcome (`08007`). A server that refuses new connections, or stalls for less, costs nothing
   * that runs. Default 5,000; at least `probeTimeoutMs`. A promotion that is seen ends it at once.
   */
  readonly silenceTimeoutMs?: number | undefined
  /**
   * Milliseconds that a statement which only a primary can run waits for one, while none is to be had. Default 5,000; 0: it
   * fails at once. What a failover takes is the business of whoever promotes (Patroni: up to half a minute).
   */
  readonly failoverTimeoutMs?: number | undefined
  /**
   * Milliseconds that a call of `query` may take in all: waiting, every attempt, and the answer. Then the statement is
   * cancelled on the server. Default: no bound. A call may have its own.
   */
  readonly timeoutMs?: number | undefined
  /** How many statements may wait for a connection to one server. Default 10,000; at least 1. More fail at once. */
  readonly maxWaiting?: number | undefined
  /**
   * Asks a second server too when a read takes longer than most: `true`, or `{ percentile, budget }`. Default: not. Only
   * single statements outside of transactions that read; whoever answers first counts, the other is cancelled.
   */
  readonly hedge?: boolean | Partial<HedgeOptions> | undefined
  /**
   * Milliseconds that a server has to accept a connection before the next server is tried. Default 2,000; at least 1.
   * (pg's `connectionTimeoutMillis` bounds the whole wait for a connection, a full pool included; by default it has no
   * bound.)
   */
  readonly connectTimeoutMs?: number | undefined
  /** How many texts to remember that a standby refused. Default 10,000; 0 for none. */
  readonly learnedStatements?: number | undefined
}
