import type { HedgeOptions } from '../limits/hedge-options.ts'
import type { BookmarkStore } from '../bookmark-store/bookmark-store.ts'
import type { ModeShares } from '../modes/mode-rollout.ts'
import type { Mode } from '../modes/pool-mode.ts'
import type { Consistency } from '../session/consistency.ts'
import type { ServerList, ServerSource, PgOptions } from '../server-list/server-list-types.ts'

/**
 * Options of {@link createPool}. Every option of `pg.Pool` that does not name a server (`max`, `idleTimeoutMillis`,
 * `ssl`, `statement_timeout`, `application_name` …) is allowed as well, and applies to each server's connections.
 */
export interface NearestPoolOptions extends PgOptions, ServerList {
  /**
   * The region of this process. It need not be in the list, and case does not matter; another platform's name for the area of a listed
   * region counts as that region. Default: what a variable of the platform says
   * (`FLY_REGION`, `MY_REGION`, `RAILWAY_REPLICA_REGION`, `VERCEL_REGION`, `KOYEB_REGION`, Azure's `REGION_NAME`, `AWS_REGION`,
   * `AWS_DEFAULT_REGION`), if a server is listed in that region or in one that another platform names differently: `iad1` of Vercel and
   * `us-east-1` of AWS are one. Without a region, or with `false`, the nearest server is found by measured time alone.
   */
  readonly region?: string | false | undefined
  /**
   * Returns the current servers: called every `serversIntervalMs`, and when a server goes down. Until it has answered, `primary` and
   * `replicas` are the list, and what none of them can run waits for it, up to `failoverTimeoutMs`. Changes take effect as with `pool.setServers()`.
   */
  readonly servers?: ServerSource | undefined
  /**
   * The identifier of the cluster that all servers must belong to: `select system_identifier from pg_control_system()`, on any of them. A server
   * of another cluster is not used, and a declared replica that says it is the primary gets the writes even if the declared primary has never
   * answered, as in a process that starts after a failover: so list no clone or restored backup of it. `grant pg_monitor` to the app's role
   * does the same where a standby follows the new primary. Default: what the declared primary reports.
   */
  readonly cluster?: string | undefined
  /** Milliseconds between two calls of `servers`, unless its answer says otherwise. Default 30,000; at least 100. */
  readonly serversIntervalMs?: number | undefined
  /**
   * What reads must show. Default `session`: everything that was written or seen before in the same `pool.session`, or outside of one
   * in this process. `eventual`: whatever the nearest server has. `strong`: what the primary has. `{ maxStalenessMs }`: as `session`,
   * and data proven no older than that (an idle primary does not make data old). Values below twice `probeIntervalMs` mostly read from the
   * primary.
   */
  readonly consistency?: Consistency | undefined
  /**
   * Milliseconds after which every replica is assumed to show a write, where the primary does not report its position (Aurora; a role that
   * may not ask: see `positions` in the status). Until then, sessions that have written read from the primary, and so do those that have
   * read there, because a replica may show less; by default always. Not used where positions prove what a server shows. At least 0.
   */
  readonly assumeReplicatedAfterMs?: number | undefined
  /**
   * Whether the pool uses `WAIT FOR LSN` on replicas of PostgreSQL 19 or later, instead of asking every millisecond, when a read waits for
   * a replica. Default true. It changes neither how long a read waits nor what it shows.
   */
  readonly waitForLsn?: boolean | undefined
  /**
   * Whether several statements may be sent before the first is answered. Default true. `false` is for poolers that cannot handle
   * that: the guarantees are the same, but cost more round trips.
   */
  readonly pipeline?: boolean | undefined
  /**
   * Whether plain reads that are in flight at the same time may share a connection. Default true. Such a read is one query, calls only
   * functions of PostgreSQL's that leave no trace, and has no name and no `rows`; all others have a connection to themselves. Aborting one
   * that shares abandons it, and does not cancel it on the server. What a view, a policy or an operator calls, or a function of yours that
   * has the name of one of PostgreSQL's, cannot be seen from a text: switch it off where one of those sets something that others must not see.
   */
  readonly lanes?: boolean | undefined
  /**
   * From which use on one connection a text is a prepared statement there, if it shares the connection (`lanes`), or is a write outside of a
   * transaction. A connection keeps up to 256 of them. Default 2, so that texts which do not come again leave nothing on the server; at least
   * 1. `false`: none is prepared. Behind a pooler none ever is.
   */
  readonly prepare?: false | number | undefined
  /**
   * Milliseconds between two probes of a server: one short query on a separate connection. Default 500; at least 50. While no server
   * takes writes, it is at most 100 ms, and a server is asked at once when another pool of this process has seen that it was promoted.
   * With more than 8 servers it is longer for those elsewhere that nobody uses: all of these together are asked as often as 8.
   */
  readonly probeIntervalMs?: number | undefined
  /**
   * Milliseconds of silence after which a server counts as down: a probe without an answer has failed, and reads that have waited as
   * long move to the next server. Default 1,200; at least 1. Noticing a silence takes up to half of `probeIntervalMs` more. Raise it
   * for servers that stall for longer now and then.
   */
  readonly probeTimeoutMs?: number | undefined
  /**
   * Milliseconds of silence after which a write or a transaction in flight, which cannot run elsewhere, is given up: its connection
   * is closed, and a write fails with an unknown outcome (`08007`). A server that stalls for less, or refuses new connections, does
   * not affect what is in flight. When another server is seen to be promoted, the connection is closed at once. Default 5,000; at
   * least 1, and never less than `probeTimeoutMs`.
   */
  readonly silenceTimeoutMs?: number | undefined
  /**
   * Milliseconds that a statement waits for a primary while there is none, for the first list of `servers` while no server of the
   * configuration can run it, or for one of the open connections while the primary refuses new ones. Default 5,000; 0: it fails at once. Set it to the time that your failover takes (with Patroni up to half a minute).
   */
  readonly failoverTimeoutMs?: number | undefined
  /**
   * Milliseconds that a call of `query` may take in all, waiting and retries included. Then it is cancelled on the server and rejects
   * with `NEAREST_TIMEOUT`. Of a cursor, a stream or a COPY it limits each wait for its server. Default: no limit. A call may have its own.
   */
  readonly timeoutMs?: number | undefined
  /** How many statements may wait for a connection to one server; more fail at once. Default 10,000; at least 1. */
  readonly maxWaiting?: number | undefined
  /**
   * Milliseconds for which a replica may receive nothing, although the primary has written more, before that is a `problem` and reads use it
   * only after every other server that is up. Default 10,000: a replica receives what is written within milliseconds, and one that was
   * refused WAL asks again after five seconds. One whose replay is paused or slow does receive. Where a server does not say what it has
   * received nothing is assumed. At least 1; for replicas that are fed from an archive, more than `archive_timeout`.
   */
  readonly stalledAfterMs?: number | undefined
  /**
   * Milliseconds without use after which the pool goes quiet: it closes every connection, those that `min` and `idleTimeoutMillis: 0` would
   * keep included, asks no server, and has no timer. Whatever is asked of it, and a client that is borrowed, keeps it awake; `status()`
   * does not. The next use wakes it, as a new pool would begin: that costs a connection, and no round trip more. What was known of the
   * servers no longer counts, because they may have been promoted or restored meanwhile; what its sessions must see still does.
   *
   * Default 60,000, so that a database which sleeps by itself, mostly after five minutes, is not kept awake by probes, and a pool that hot
   * reload has left behind soon costs nothing. A pool in use never goes quiet; one that is used every few seconds does not, either.
   * Until then, with several servers, one connection to the primary and one to the server that is read from is ready before it is needed,
   * unless `min` is 0. 0: never, for a process that only watches: a quiet pool emits no events.
   */
  readonly quietAfterMs?: number | undefined
  /**
   * Asks a second server as well when a read takes longer than most: `true`, or `{ percentile, budget }`. Default `false`. Applies to
   * reads by `pool.query`. The first answer counts, and the other statement is cancelled.
   */
  readonly hedge?: boolean | Partial<HedgeOptions> | undefined
  /**
   * Milliseconds that a server has to accept a connection before the next server is tried, and that `onConnect` and `verify` have each on a
   * new connection before its callers are refused (`NEAREST_TIMEOUT`). A read waits for it no longer than `probeTimeoutMs` while there is another
   * server to ask; the connection is still made, for those who come later. Default: `connectionTimeoutMillis`, if that is given, otherwise 5,000;
   * at least 1. (pg's `connectionTimeoutMillis` limits the whole wait for a connection, also while all are in use. By default there is no
   * limit.)
   */
  readonly connectTimeoutMs?: number | undefined
  /** How many texts to remember that a standby has refused. Default 10,000; 0 for none. */
  readonly learnedStatements?: number | undefined
  /**
   * What is done with statements. Default `normal`; `pool.mode` changes it at run time. The variable `PG_NEAREST_MODE` counts more than
   * `mode` and `modes`, so that an operator can choose without a change of the program.
   *
   * - `normal`: each runs where it belongs.
   * - `read-only`: likewise, but the server refuses every write. A statement whose first word shows that it writes is not sent; both fail with
   *   `NEAREST_READ_ONLY_MODE`. A transaction runs READ ONLY.
   * - `primary-only`: all of them run on the primary, and none on a replica.
   * - `observe`: likewise, and what `normal` would have done with each is worked out, and told in the status, by the event `observed` and by
   *   `npx pg-nearest report`. A replica that might be behind is asked for its position, beside the statement.
   */
  readonly mode?: Mode | undefined
  /**
   * Which sessions are in another mode: `{ observe: 0.1 }` for a tenth of them, `{ 'primary-only': { routes: ['POST /cart*'] } }` for those
   * of a route, or both for a part of a route's. A route's name counts more than a share, and the rest is in `mode`. Each session draws its lot
   * when it begins, and a larger share has all who were in the smaller one; one with a `key` of a bookmark store has always the same. What runs outside of `pool.session`
   * is one session for each process. The middlewares of `pg-nearest/http` name routes by method and path, in which numbers, UUIDs and the
   * like are `:id`. Default: none.
   */
  readonly modes?: ModeShares | undefined
  /**
   * Where the bookmarks of `pool.sharedSession` are kept: `redisStore()` of `pg-nearest/redis`, `bookmarkTable()` of
   * `pg-nearest/bookmark-table`, or one of your own. Default: nowhere, so that a shared session asks the primary first.
   */
  readonly bookmarkStore?: BookmarkStore | undefined
  /**
   * Milliseconds that the store may take for each answer. Then it counts as silent: a session asks the primary, and what was to be kept is
   * put later. Default 100; at least 1.
   */
  readonly bookmarkStoreTimeoutMs?: number | undefined
}
