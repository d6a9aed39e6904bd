import type pg from 'pg'

/** Options of `pg.Client` that a server may have for itself, instead of the pool's. */
type ClientOptions = Readonly<
  Pick<
    pg.ClientConfig,
    | 'ssl'
    | 'sslnegotiation'
    | 'stream'
    | 'options'
    | 'application_name'
    | 'fallback_application_name'
    | 'client_encoding'
    | 'enableChannelBinding'
    | 'keepAlive'
    | 'keepAliveInitialDelayMillis'
    | 'statement_timeout'
    | 'lock_timeout'
    | 'idle_in_transaction_session_timeout'
  >
>

/**
 * One server: by a URL, or by pg's own configuration. An entry of `replicas` without a URL takes what it leaves out from the
 * primary: user, password, database, port, `ssl` and the rest, but not `stream`.
 *
 * @example
 * ```ts
 * import { createPool, type ServerOptions } from 'pg-nearest'
 *
 * declare function token(): Promise<string> // IAM, Entra, a secret that rotates
 *
 * const primary: ServerOptions = { region: 'nrt', host: 'db.example.com', user: 'app', database: 'app', password: token, ssl: true }
 * const pool = createPool({ primary, replicas: { ord: { host: 'ord.example.com', labels: ['reporting'] } } })
 * ```
 */
export interface ServerOptions extends ClientOptions {
  /** A short code such as `nrt`. */
  readonly region?: string | undefined
  /**
   * `postgres://user:password@host:port/database?…`, as pg takes it. With several hosts, as libpq takes it, each is a server. Options
   * beside the URL fill in what it leaves out; `password` and pg's own options override it, but `sslmode` in the URL overrides `ssl`.
   */
  readonly url?: string | undefined
  /** pg's name for `url`. */
  readonly connectionString?: string | undefined
  /** A name, an address or the directory of a socket; several, separated by commas, are several servers. */
  readonly host?: string | undefined
  /**
   * The address to connect to, as libpq's: `host` is then not looked up, but is still what a certificate is checked for. As many as there
   * are hosts, separated by commas. Without effect beside `stream`.
   */
  readonly hostaddr?: string | undefined
  /** Default: the primary's; else `PGPORT`, else 5432. */
  readonly port?: number | string | undefined
  /** Default: the primary's; else `PGUSER`, else the operating system's. */
  readonly user?: string | undefined
  /** Default: the primary's; else `PGDATABASE`, else the user's name. */
  readonly database?: string | undefined
  /**
   * A text, or a function that is called at each new connection, probes included. One that throws, or takes longer than
   * `connectTimeoutMs`, affects this server only (`PasswordError`, `NEAREST_PASSWORD`). If the server refuses the password, it is
   * called up to two more times, because the password may have changed in that moment.
   */
  readonly password?: string | (() => string | Promise<string>) | undefined
  /** Connections to this server. Default: the pool's `max`. */
  readonly max?: number | undefined
  /**
   * The server's share of the reads among servers that are equally near. Default 1. 0: it is read from only if nothing else is left, or by
   * `pool.replica({ label })`. Writes ignore the weight.
   */
  readonly weight?: number | undefined
  /** For `pool.replica({ label })`: texts of up to 64 letters, digits, `_`, `.`, `:` or `-`. */
  readonly labels?: readonly string[] | undefined
}

/** One server: its URL, a bare host that takes the rest from the primary, or an object. */
export type ServerEntry = string | ServerOptions

/** The servers, as `createPool` and `pool.setServers` take them. */
export interface ServerList {
  /** The server that takes the writes: a URL or an object. If it has several hosts, one of them is the primary. */
  readonly primary: ServerEntry
  /** Region to server, or to several servers. */
  readonly replicas?: Readonly<Record<string, ServerEntry | readonly ServerEntry[]>> | undefined
}

/** A list, and when the next one is wanted. */
export interface ServerAnswer extends ServerList {
  /** Milliseconds until the function is called again. Default: that option of the pool. At least 100, at most 2,147,483,647. */
  readonly serversIntervalMs?: number | undefined
}

/**
 * Returns the current servers. If it throws or returns nothing, the list stays as it was.
 *
 * @param given - `primary` and `replicas` as `createPool` got them
 */
export type ServerSource = (given: ServerList) => ServerAnswer | undefined | Promise<ServerAnswer | undefined>

/** Options of `pg.Pool` that name a server, replaced by `primary` and `replicas`. */
export type ServerNaming = 'connectionString' | 'host' | 'port' | 'database' | 'user' | 'password' | 'Client'

/** Every option of `pg.Pool` that does not name a server. */
export type PgOptions = Omit<pg.PoolConfig, ServerNaming | 'pipeline'>
