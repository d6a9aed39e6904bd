import pg from 'pg'
import { NearestError } from '../errors.ts'
import type { NearestEvents, ProblemEvent } from '../events/event-types.ts'
import type { PoolListener, ListenedEvent, PgEvent, PgListener } from '../events/listening-types.ts'
import { sharesOf, type ModeShares } from '../modes/mode-rollout.ts'
import type { Mode } from '../modes/pool-mode.ts'
import { parseMode, parseShares } from '../modes/parse-mode.ts'
import type { Target } from '../route/plan-servers.ts'
import type { EventRelay } from '../events/event-relay.ts'
import { createServerListPoller, type ServerListPoller } from '../discovery/server-list-poller.ts'
import { notePublicAddresses } from '../servers/public-addresses.ts'
import { promiseOrCallback } from '../execute/promise-or-callback.ts'
import type { ParsedOptions } from '../options/parse-pool-options.ts'
import { parseServerList } from '../server-list/parse-server-list.ts'
import { serverListOf } from '../options/server-list-shape-check.ts'
import type { ServerList } from '../server-list/server-list-types.ts'
import { wantedInterval } from '../server-list/wanted-interval.ts'
import { nameAsPgPool, newPgPool } from '../routed-pool/pg-pool-prototype.ts'
import { pollProblem } from './poll-problem.ts'
import { RoutedPool, type PoolParts } from '../routed-pool/routed-pool.ts'
import { createServers, type Servers } from '../servers/servers.ts'
import { queryEach, type EachResult } from '../routed-pool/query-each.ts'
import type { Routed, Row } from '../route/query-types.ts'
import { parseReplicaOptions, unknownLabel, type ReplicaOptions } from './replica-handle-options.ts'
import { parseReplicatedOptions, type ReplicatedOptions } from '../replication-wait/replication-wait-options.ts'
import { bookmarkOf, newSessionState, parseSessionOptions, Session, type SessionOptions } from './session.ts'
import { runShared } from './shared-session.ts'
import { waitUntilReplicated } from '../replication-wait/replication-wait.ts'
import { statusOf, type Status } from '../servers/status.ts'
import { runGuarded, type WriteGuard } from '../write-guard/before-write-hook.ts'

/** The pool that {@link createPool} makes: a `pg.Pool` that knows where it is. */
export class NearestPool extends RoutedPool implements AsyncDisposable {
  /** Runs everything on the primary, whatever its text says. */
  readonly primary: RoutedPool
  readonly #servers: Servers
  readonly #parts: PoolParts
  readonly #ownReplica: RoutedPool
  /** The handle for the region of the configured primary, which may be a replica by now. */
  #primaryRegion: { readonly region: string; readonly handle: RoutedPool } | undefined
  readonly #poller: ServerListPoller | undefined
  #replicas: ReadonlyMap<string, RoutedPool> = new Map()
  /** Of the latest call of `servers`. */
  #listProblem: ProblemEvent | undefined
  readonly #labelled = new Map<string, RoutedPool>()

  static {
    nameAsPgPool(this)
  }

  /** @internal */
  constructor(parsed: ParsedOptions, events: EventRelay) {
    const servers = createServers(parsed, events, {
      onTrouble: () => this.#poller?.pollSoon(),
      onQuiet: () => this.#poller?.pause(),
      onWake: () => this.#poller?.start(),
    })
    const parts: PoolParts = { servers, face: newPgPool(parsed.pgOptions, servers.Client) }
    super(parts, { target: { kind: 'nearest' }, readOnly: false })
    Object.assign(this, parts.face)
    this.#servers = servers
    this.#parts = parts
    this.primary = this.#handle({ kind: 'primary' })
    this.#ownReplica = this.#handle({ kind: 'replica', region: undefined })
    this.#replicas = this.#handles()
    notePublicAddresses(this, servers.listed)
    const { source, serversIntervalMs: intervalMs } = parsed
    if (source === undefined) return
    this.#poller = createServerListPoller({
      source,
      intervalMs,
      intervalOf: wantedInterval,
      onList: (list) => {
        this.setServers(list)
        this.#listProblem = undefined
      },
      onProblem: (cause) => {
        servers.keep()
        const problem = pollProblem(cause)
        const isNew = problem.message !== this.#listProblem?.message
        this.#listProblem = problem
        if (isNew) events.emit('problem', problem)
      },
    })
    this.#poller.start()
  }

  #handle(target: Target): RoutedPool {
    return new RoutedPool(this.#parts, { target, readOnly: target.kind !== 'primary' })
  }

  #labelledHandle(label: string): RoutedPool {
    const { listed } = this.#servers
    if (listed.length === 1) return this.#ownReplica
    const known = new Set(listed.flatMap(({ labels = [] }) => labels))
    if (!known.has(label)) throw unknownLabel(label, known)
    const handle = this.#labelled.get(label) ?? this.#handle({ kind: 'labelled', label })
    this.#labelled.set(label, handle)
    return handle
  }

  #inPrimaryRegion(region: string): RoutedPool {
    if (this.#primaryRegion?.region !== region) {
      this.#primaryRegion = { region, handle: this.#handle({ kind: 'replica', region }) }
    }
    return this.#primaryRegion.handle
  }

  /** A handle for each region with a replica. Regions that were there before keep theirs. */
  #handles(): ReadonlyMap<string, RoutedPool> {
    return new Map(
      this.#servers.listed.flatMap(({ declared, region }) =>
        declared === 'replica' && region !== undefined
          ? [[region, this.#replicas.get(region) ?? this.#handle({ kind: 'replica', region })]]
          : [],
      ),
    )
  }

  /**
   * Replaces the list of servers. New servers are used as soon as they answer. Removed ones finish what they have begun, for up to 30
   * seconds, and are closed. Servers that stay (under their name, with their host, port, database and user) keep their state and
   * connections, and make new connections by the new entry: another password, `ssl` or `max`. Costs no round trip.
   *
   * @example
   * ```ts
   * import { createPool } from 'pg-nearest'
   *
   * const pool = createPool({ region: 'ord', primary: 'postgres://nrt.example.com/app' })
   * pool.setServers({
   *   primary: 'postgres://nrt.example.com/app',
   *   replicas: { ord: 'postgres://ord.example.com/app' },
   * })
   * ```
   *
   * @throws `OptionError` for a list that cannot be used; the previous one stays.
   */
  setServers(list: ServerList): void {
    const { primary, replicas } = serverListOf(list)
    const surroundings = { pgOptions: this.options, before: this.#servers.listed }
    this.#servers.use(parseServerList(primary, replicas, surroundings))
    notePublicAddresses(this, this.#servers.listed)
    this.#replicas = this.#handles()
  }

  /**
   * A read-only handle on a region's replica (default: this process's region), or on the primary if there is none. With a label, on the
   * nearest server that has it, replicas first; when none of them can be used, on the nearest other. The server refuses writes, whether
   * there is one database or five. If no replica is configured, every region and label is accepted, so that the same code runs in
   * development.
   *
   * @throws `NearestError` with code `NEAREST_UNKNOWN_REGION` for a region that is not in the list, `NEAREST_UNKNOWN_LABEL` for a label that
   *   no server has; `OptionError` for anything else.
   */
  replica(which?: string | ReplicaOptions): RoutedPool {
    const { region, label } = parseReplicaOptions(which)
    if (label !== undefined) return this.#labelledHandle(label)
    if (region === undefined || this.#replicas.size === 0) return this.#ownReplica
    const code = region.toLowerCase()
    const handle = this.#replicas.get(code)
    if (handle !== undefined) return handle
    if (code === this.#servers.listed.find(({ declared }) => declared === 'primary')?.region)
      return this.#inPrimaryRegion(code)
    throw new NearestError(
      'NEAREST_UNKNOWN_REGION',
      `There is no replica in ${JSON.stringify(region)}: they are in ${this.regions().join(', ')}. Add it to "replicas", or leave the region out.`,
    )
  }

  /**
   * Runs a statement on every server of the list, each by itself, and read-only: to see what each one says, as of
   * `select pg_is_in_recovery()`. A server that fails, or does not answer within `timeoutMs` (of the query, by default 5 seconds), hides
   * nobody else's answer. What the session has written may not show. Costs a trip to each server, and a connection where there was none.
   *
   * @example
   * ```ts
   * import { createPool } from 'pg-nearest'
   *
   * const pool = createPool({ primary: 'postgres://nrt.example.com/app', replicas: { ord: 'postgres://ord.example.com/app' } })
   * for (const { server, rows, error } of await pool.queryEach('select pg_is_in_recovery()')) console.log(server, rows, error)
   * ```
   *
   * @returns one entry for each server, in the order of the list; never rejects because of a server.
   */
  queryEach<R extends Row = Row>(
    query: string | Routed<pg.QueryConfig>,
    values: unknown[] = [],
  ): Promise<EachResult<R>[]> {
    return queryEach<R>(this.#parts, query, values)
  }

  /** The regions that have a replica, in the order of the configuration. */
  regions(): string[] {
    return [...this.#replicas.keys()]
  }

  /** A read-only handle for each region that has a replica. */
  replicas(): ReadonlyMap<string, RoutedPool> {
    return this.#replicas
  }

  /**
   * Begins a session: its reads show what was written and seen in it before, and in the session that the bookmark came from. With
   * `work`, runs that in the session (with everything that `work` starts, by `AsyncLocalStorage`) and returns its result; without,
   * returns the session as a handle to pass on. Costs no round trip.
   *
   * @param from - another session's `bookmark()`, or options. If it is no valid bookmark, the session's first read asks the primary. A
   *   function alone runs in a session that has seen nothing.
   */
  session(from?: string | SessionOptions): Session
  session<T>(work: () => T): T
  session<T>(from: string | SessionOptions | undefined, work: () => T): T
  session<T>(first?: string | SessionOptions | (() => T), second?: () => T): Session | T {
    const [from, work] = typeof first === 'function' ? [undefined, first] : [first, second]
    const options = parseSessionOptions(from)
    const session = new Session(this.#parts, newSessionState(options))
    return work === undefined ? session : session.run(work)
  }

  /**
   * Runs `work` in a session that everybody shares who gives the same key: a user, a team, a tenant. It begins with what any process has
   * written in a session of that key, in any region, by the option `bookmarkStore`; and when the promise resolves, the next one of that key sees what this
   * one has written. What the caller's own session has seen counts, too.
   *
   * A store that does not answer within `bookmarkStoreTimeoutMs`, or fails, is no error: the session asks the primary, and the event `store`
   * tells. Without a store it asks the primary, too, unless there is one database.
   *
   * @example
   * ```ts
   * import { createPool } from 'pg-nearest'
   *
   * const pool = createPool({ primary: 'postgres://localhost/app' })
   * export const rename = (team: number, name: string): Promise<unknown> =>
   *   pool.sharedSession(`team:${team}`, () => pool.query('update teams set name = $1 where id = $2', [name, team]))
   * ```
   *
   * Cost: a question to the store before `work`, and one after it, before the promise is settled, if `work` has written.
   *
   * @returns what `work` returns.
   * @throws OptionError for a key that is no text of 1 to 512 characters; what `work` throws.
   */
  sharedSession<T>(key: string, work: () => T | Promise<T>): Promise<T> {
    return runShared(this.#parts, key, work)
  }

  /**
   * The bookmark of the caller's session; outside of a session that of everything this process has written and, as far as is known,
   * seen. See {@link Session.bookmark}.
   */
  bookmark(): string | undefined {
    const { engine } = this.#servers
    const state = engine.currentSession() ?? engine.process
    return state === undefined ? undefined : bookmarkOf(state, this.#servers)
  }

  /**
   * Runs `work`, and before each thing that may write is sent for it, or for what it starts, calls `guard`, which may throw: the statement
   * fails with that, unsent, and without a round trip. A transaction counts when it begins, unless it is READ ONLY; so do cursors, streams
   * and COPY. Within another guard of this pool, that is called, too, after this one.
   */
  beforeWrite<T>(guard: WriteGuard, work: () => T): T {
    return runGuarded(this.#servers.scope, guard, work)
  }

  /**
   * The mode of this pool's sessions: see the option `mode`. Setting it puts every session into that mode, and ends what `modes` said. It
   * takes effect with the next statement; a transaction that is open ends in the mode in which it began. Costs nothing.
   *
   * @example
   * ```ts
   * import { createPool } from 'pg-nearest'
   *
   * const pool = createPool({ primary: 'postgres://nrt.example.com/app', replicas: { ord: 'postgres://ord.example.com/app' } })
   * process.on('SIGUSR2', () => {
   *   pool.mode = 'primary-only'
   * })
   * ```
   *
   * @throws OptionError when it is set to what is no mode.
   */
  get mode(): Mode {
    return this.#servers.modes.setting.mode
  }

  set mode(mode: Mode) {
    this.#servers.modes.setMode(parseMode(mode, 'mode'))
  }

  /**
   * Which sessions are in other modes than `mode`: see the option `modes`. Setting it replaces all of it.
   *
   * @throws OptionError when it is set to what cannot be used.
   */
  get modes(): ModeShares {
    return sharesOf(this.#servers.modes.setting)
  }

  set modes(modes: ModeShares) {
    this.#servers.modes.setShares(parseShares(modes))
  }

  /** What is known about the servers now. Asks no server, and does not wake a pool that is quiet. */
  status(): Status {
    const { monitor, region, connections, quiet, listed, forecaster, bookmarkStore: store } = this.#servers
    const bookmarkStore = store && { problem: store.problem, unsaved: store.unsaved }
    const state = { mode: this.mode, modes: this.modes, observed: forecaster.forecast, bookmarkStore }
    const status = statusOf(monitor.topology, region, connections, quiet, listed, state)
    const problem = this.#listProblem
    return problem === undefined ? status : { ...status, problems: [...status.problems, problem.message] }
  }

  /**
   * Probes every server now, and resolves when each has answered or failed: what is known then is of after this call. Where a probe was under
   * way, that is up to two round trips. Never rejects.
   */
  async refresh(): Promise<Status> {
    const servers = this.#servers
    await servers.whileAwake(() => servers.monitor.refresh())
    return this.status()
  }

  /**
   * Waits until each replica itself has said that it shows a position: for migrations, for tests, and before something is announced. One
   * that does not answer does not pass.
   *
   * @example
   * ```ts
   * import { createPool } from 'pg-nearest'
   *
   * const pool = createPool({ primary: 'postgres://nrt.example.com/app', replicas: { ord: 'postgres://ord.example.com/app' } })
   * await pool.query('alter table users add column age int')
   * await pool.replicated({ timeoutMs: 60_000 })
   * ```
   *
   * Cost: one question to the primary, and one to each replica again and again, each on the connection of its probe.
   *
   * @throws `NotReplicatedError`, which names the servers that are missing, and why, when not all do so within `timeoutMs`.
   * @throws the signal's reason when it is aborted, and `NearestError` with code `NEAREST_ENDED` when the pool is ended, which does not
   *   wait for it.
   */
  async replicated(options: ReplicatedOptions = {}): Promise<void> {
    const wait = parseReplicatedOptions(options)
    const servers = this.#servers
    await servers.whileAwake(() => waitUntilReplicated(servers, wait))
  }

  /** Waits for statements and borrowed clients, then closes every connection. Rejects the second time, as in pg. */
  override end(): Promise<void>
  override end(callback: () => void): void
  override end(callback?: () => void): Promise<void> | void {
    return this.asOwnPromise(promiseOrCallback(this.#end(), callback))
  }

  async #end(): Promise<void> {
    if (this.ending) return closeFace(this)
    this.#poller?.stop()
    const ended = this.#servers.end()
    await closeFace(this)
    await ended
  }

  /** Closes every connection now. Statements in flight fail. */
  async destroy(): Promise<void> {
    this.#poller?.stop()
    if (!this.ending) await closeFace(this)
    this.#servers.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.ending) await this.end()
  }

  /** Listens to an event of `pg.Pool`, emitted for the connections to every server, or of {@link NearestEvents}. */
  override on<K extends keyof NearestEvents>(event: K, listener: (...args: NearestEvents[K]) => void): this
  override on<K extends PgEvent>(event: K, listener: PgListener<K>): this
  override on(event: string, listener: (...args: never[]) => void): this {
    return super.on(event as 'connect', listener as PgListener<'connect'>)
  }

  override once<K extends ListenedEvent>(event: K, listener: PoolListener<K>): this {
    return super.once(event, listener)
  }

  override addListener<K extends ListenedEvent>(event: K, listener: PoolListener<K>): this {
    return super.addListener(event, listener)
  }

  override off<K extends ListenedEvent>(event: K, listener: PoolListener<K>): this {
    return super.off(event, listener)
  }
}

/** Sets `ending` and `ended` of the base class, which has no connections of its own. */
const endOfPgPool: () => Promise<void> = pg.Pool.prototype.end

function closeFace(pool: NearestPool): Promise<void> {
  return endOfPgPool.call(pool)
}
