import { setTimeout as sleep } from 'node:timers/promises'
import { isSameServer, type ListedServer } from '../discovery/listed-server.ts'
import type { ProcessRegion } from '../discovery/process-region.ts'
import type { QueryEvent } from '../events/event-types.ts'
import type { EventRelay } from '../events/event-relay.ts'
import type { Engine } from '../execute/engine.ts'
import { createServerConnections } from '../connections/server-connections.ts'
import type { ServerConnections } from '../connections/server-connections-types.ts'
import { NoConnectionError } from '../connections/no-connection-error.ts'
import { createBookmarkClaims } from '../freshness/bookmark-claims.ts'
import { createHedging } from '../limits/hedge-policy.ts'
import { createRetryBudget } from '../limits/retry-budget.ts'
import { classifyServerError } from '../monitor/classify-server-error.ts'
import { createMonitor, type Monitor } from '../monitor/monitor.ts'
import { createProbe } from '../probe/probe.ts'
import type { MonitoredServer } from '../monitor/monitor-dependencies.ts'
import { currentSession } from '../session/current-session.ts'
import { createStatementCache } from '../statement/statement-cache.ts'
import type { ParsedOptions } from '../options/parse-pool-options.ts'
import { createCurrentLogins } from './current-logins.ts'
import { createDrainCounter, type DrainCounter } from './drain-counter.ts'
import { endedError } from './ended-error.ts'
import { createProcessSession, type ProcessSession } from './process-session.ts'

/** All of a pool's servers: what is known about them, and the connections to them. */
export interface Servers {
  readonly engine: Engine
  /** Identifies this pool's sessions in the async context. */
  readonly scope: object
  readonly monitor: Monitor
  /** The current list. */
  readonly listed: readonly ListedServer[]
  /** Where this process runs, among the regions of the current list. */
  readonly region: ProcessRegion
  readonly connections: Iterable<ServerConnections>
  /** Aborted when the pool is being ended: nothing new may begin, and what only waits ends with its reason. */
  readonly ended: AbortSignal
  /** Statements and borrowed clients. */
  readonly inFlight: DrainCounter
  /** Replaces the list. Removed servers may finish what they have begun. */
  use(servers: readonly ListedServer[]): void
  /** Waits for what is in flight, then closes all connections. */
  end(): Promise<void>
  /** Closes all connections now. */
  destroy(): void
}

/** How long a removed server may take to finish what it has begun. */
const DRAIN_MS = 30_000

/** Opens only the monitor's connections, and those only if there are several servers. */
export function createServers(options: ParsedOptions, events: EventRelay, onTrouble: () => void): Servers {
  const { pgOptions, connectTimeoutMs } = options
  const { probeTimeoutMs: timeoutMs, pipeline, waitForLsn } = options
  const probeOptions = { connectTimeoutMs, timeoutMs, pipeline, waitForLsn, pgOptions }
  let listed = options.servers
  const inFlight = createDrainCounter()
  const process = createProcessSession(options.source !== undefined, listed.length, inFlight)
  let region = regionAmong(options, listed)
  let monitor: Monitor
  const heard = new Set<string>()
  const leaving = new Set<ServerConnections>()

  const logins = createCurrentLogins(listed)

  const connect = (server: ListedServer): ServerConnections => {
    const { name } = server
    const made = createServerConnections({
      server,
      login: logins.of(name),
      connectTimeoutMs,
      pgOptions,
      maxWaiting: options.maxWaiting,
      probedRole: (machine) => monitor.roleOf(name, machine),
      onEvent: events.emit,
      onLoss: () => monitor.positions.noteLoss(name),
      onDialFailed: (error, generation) => {
        const sign = classifyServerError(error).sign === 'refused' ? 'refused' : 'unreachable'
        monitor.report({ server: name, generation, sign, error })
      },
      onPromotion: () => monitor.report({ server: name, generation: made.generation, sign: 'role', error: undefined }),
      pipelines: () => options.pipeline && monitor.stateOf(name)?.pipelines !== false,
      onNoPipelines: () => monitor.noPipelines(name),
    })
    for (const event of heard) made.forward(event)
    return made
  }

  const connections = new Map(listed.map((server) => [server.name, connect(server)]))
  const supervise = (name: string): MonitoredServer => {
    const at = connections.get(name)
    if (at === undefined) throw new Error(`No server is named ${name}`)
    const onLoss = (): void => monitor.positions.noteLoss(name)
    const probe = createProbe({ server: name, login: logins.of(name), ...probeOptions, onLoss })
    return { probe, connections: at }
  }
  monitor = createMonitor({
    servers: listed,
    cluster: options.cluster,
    supervise,
    intervalMs: options.probeIntervalMs,
    silentMs: options.probeTimeoutMs,
    boundSilentMs: options.silenceTimeoutMs,
    random: Math.random,
    onChange: (topology) => events.emit('topology', topology),
    onProblem: (problem) => events.emit('problem', problem),
    onPrimary: (event) => events.emit('primary', event),
    onTrouble,
  })
  const everyone = (): ServerConnections[] => [...connections.values(), ...leaving]
  // Connection events are passed on only if they have listeners, because it is measurable on short reads.
  events.onListener((event) => {
    heard.add(event)
    for (const each of everyone()) each.forward(event)
  })
  const scope = {}
  const ending = new AbortController()
  const ended = ending.signal

  const drain = async (name: string, old: ServerConnections): Promise<void> => {
    leaving.add(old)
    const end = performance.now() + DRAIN_MS
    const waits = (): boolean => old.inFlight > 0 && performance.now() < end && !ended.aborted
    // oxlint-disable-next-line no-await-in-loop -- it ends when they have
    while (waits()) await sleep(20, undefined, { ref: false })
    if (ended.aborted) return
    old.destroy()
    leaving.delete(old)
    if (!connections.has(name)) monitor.forget(name)
  }

  if (listed.length > 1) monitor.start()
  return {
    engine: createEngine(options, monitor, connections, events, scope, {
      alone: () => listed.length === 1,
      region: () => region.region,
      process,
    }),
    scope,
    get monitor() {
      return monitor
    },
    get listed() {
      return listed
    },
    get region() {
      return region
    },
    get connections() {
      return everyone()
    },
    inFlight,
    ended,
    use(next) {
      if (ended.aborted) return
      const before = new Map(listed.map(({ name, address }) => [name, address]))
      const same = new Set(next.flatMap(({ name, address }) => (isSameServer(before.get(name), address) ? [name] : [])))
      listed = next
      logins.use(next, (name) => same.has(name))
      region = regionAmong(options, next)
      const gone = [...connections].filter(([name]) => !same.has(name))
      process.resize(next.length)
      for (const [name] of gone) connections.delete(name)
      for (const server of next) if (!connections.has(server.name)) connections.set(server.name, connect(server))
      monitor.setServers(next, (name) => same.has(name))
      if (next.length > 1) monitor.start()
      for (const [name, old] of gone) void drain(name, old)
    },
    async end() {
      ending.abort(endedError())
      // The monitor keeps running until nothing is in flight: a server that is silent now would otherwise never give it up.
      await inFlight.over()
      monitor.stop()
      await Promise.all(everyone().map((each) => each.end()))
    },
    destroy() {
      ending.abort(endedError())
      monitor.stop()
      for (const each of everyone()) each.destroy()
    },
  }
}

function createEngine(
  options: ParsedOptions,
  monitor: Monitor,
  connections: ReadonlyMap<string, ServerConnections>,
  events: EventRelay,
  scope: object,
  current: {
    readonly alone: () => boolean
    readonly region: () => string | undefined
    readonly process: ProcessSession
  },
): Engine {
  const { learnedStatements, consistency, assumeReplicatedAfterMs } = options
  const { failoverTimeoutMs, hedge, timeoutMs, pgOptions } = options
  const emitQuery = (event: QueryEvent): void => events.emit('query', event)
  return {
    get topology() {
      return monitor.topology
    },
    get trail() {
      return monitor.trail
    },
    positions: monitor.positions,
    members: monitor.members,
    reached: monitor.reached,
    consistency,
    assumeReplicatedAfterMs,
    get process() {
      return current.process.state
    },
    get alone() {
      return current.alone()
    },
    currentSession: () => currentSession(scope),
    onPositionLost: (event) => events.emit('position-lost', event),
    statements: createStatementCache({ max: learnedStatements, now: () => performance.now() }),
    chooser: {
      get region() {
        return current.region()
      },
      load: (server) => connections.get(server)?.inFlight ?? 0,
      random: Math.random,
    },
    take: (server, purpose, preference) => connections.get(server)?.take(purpose, preference),
    acquire(server, purpose, signal, preference) {
      const at = connections.get(server)
      return at === undefined ? Promise.reject(notListed(server)) : at.acquire(purpose, signal, preference)
    },
    report: monitor.report,
    claims: createBookmarkClaims(monitor.askNow),
    queryTimeoutMs:
      typeof pgOptions.query_timeout === 'number' && pgOptions.query_timeout > 0 ? pgOptions.query_timeout : undefined,
    budget: createRetryBudget(),
    hedging: hedge === undefined ? undefined : createHedging(hedge),
    timeoutMs,
    waitForWriter: (since, waitedMs, signal) => monitor.waitForWriter(since, failoverTimeoutMs - waitedMs, signal),
    regionOf: (server) => monitor.stateOf(server)?.region,
    get onQuery() {
      return events.hasListeners('query') ? emitQuery : undefined
    },
    get trace() {
      return events.trace
    },
  }
}

function regionAmong({ findRegion }: ParsedOptions, listed: readonly ListedServer[]): ProcessRegion {
  return findRegion(listed.map(({ region }) => region))
}

/** The server was removed between plan and attempt: the next one is tried. */
function notListed(server: string): NoConnectionError {
  const cause = Object.assign(new Error(`${server} is not in the list any more`), { code: 'ECONNREFUSED' })
  return new NoConnectionError('unreachable', cause)
}
