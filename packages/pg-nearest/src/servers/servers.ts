import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { isSameServer, type ListedServer } from '../discovery/listed-server.ts'
import type { ProcessRegion } from '../discovery/process-region.ts'
import type { EventRelay } from '../events/event-relay.ts'
import type { Engine } from '../execute/engine-interface.ts'
import { createServerConnections } from '../connections/server-connections.ts'
import type { ServerConnections } from '../connections/server-connections-types.ts'
import { ResilientStore } from '../bookmark-store/resilient-store.ts'
import { classifyServerError } from '../server-watch/classify-server-error.ts'
import { serverClient } from '../pg-client/standby-aware-client.ts'
import { createMonitor, type Monitor } from '../monitor/monitor.ts'
import { createProbe } from '../probe/probe.ts'
import type { MonitoredServer } from '../server-watch/monitor-dependencies.ts'
import type { ParsedOptions } from '../options/parse-pool-options.ts'
import { dormantTopology } from '../observations/dormant-topology.ts'
import { nextTargets } from '../server-selection/prewarm-targets.ts'
import { hasWriter, writeOrder } from '../server-selection/server-selection.ts'
import { initialTopology, type Observed } from '../observations/topology-updates.ts'
import type { Topology } from '../topology/topology-types.ts'
import { aheadMs, steadyNow } from '../sleep-aware-clock.ts'
import { inWallTime } from '../topology/in-wall-time.ts'
import { createEngine } from '../engine/create-engine.ts'
import { createCurrentLogins } from './current-logins.ts'
import { createDrainCounter, type DrainCounter } from '../engine/drain-counter.ts'
import { endedError } from './ended-error.ts'
import { createFirstList } from '../engine/first-list.ts'
import { createProcessSession } from '../engine/process-session.ts'
import { createForecaster, type Forecaster } from '../engine/observe-mode-report.ts'
import { createOperatorMode, type OperatorMode } from '../engine/operator-mode.ts'
import { createInactivityTimer } from './inactivity-timer.ts'
import { createSpareConnections } from './spare-connections.ts'
import { createWriterWatch } from './writer-availability-events.ts'

/** So long a read waits at a replica that refuses new connections: another server can answer it. */
const REFUSED_READ_MS = 500

/** All of a pool's servers: what is known about them, and the connections to them. */
export interface Servers {
  readonly engine: Engine
  readonly modes: OperatorMode
  /** What was observed. */
  readonly forecaster: Forecaster
  /** `undefined` without the option `bookmarkStore`. */
  readonly bookmarkStore: ResilientStore | undefined
  /** Identifies this pool's sessions in the async context. */
  readonly scope: object
  readonly monitor: Monitor
  /** The current list. */
  readonly listed: readonly ListedServer[]
  /** Where this process runs, among the regions of the current list. */
  readonly region: ProcessRegion
  readonly connections: Iterable<ServerConnections>
  /** A class of clients that connect to the primary, whatever options they are made with. */
  readonly Client: typeof pg.Client
  /** Aborted when the pool is being ended: nothing new may begin, and what only waits ends with its reason. */
  readonly ended: AbortSignal
  /** Statements and borrowed clients. They wake a quiet pool. */
  readonly inFlight: DrainCounter
  /** Nothing has used the pool for `quietAfterMs`: no server is asked, and no connection is open. */
  readonly quiet: boolean
  /** For what asks the servers without being in flight: wakes the pool, and keeps it awake. */
  whileAwake<T>(work: () => Promise<T>): Promise<T>
  /** Replaces the list. Removed servers may finish what they have begun. */
  use(servers: readonly ListedServer[]): void
  /** The list could not be read anew, and stays as it is. */
  keep(): void
  /** Waits for what is in flight, then closes all connections. */
  end(): Promise<void>
  /** Closes all connections now. */
  destroy(): void
}

/** What is told beside the events. */
export interface ServersListener {
  /** A server went down. */
  onTrouble(): void
  onQuiet(): void
  onWake(): void
}

const NONE: ReadonlySet<string> = new Set()

/** How long a removed server may take to finish what it has begun. */
const DRAIN_MS = 30_000

/** Opens only the monitor's connections, and those only if there are several servers. */
export function createServers(options: ParsedOptions, events: EventRelay, listener: ServersListener): Servers {
  const { pgOptions, connectTimeoutMs, dialTimeoutMs } = options
  const { probeTimeoutMs: timeoutMs, pipeline, waitForLsn } = options
  const probeOptions = { connectTimeoutMs, timeoutMs, pipeline, waitForLsn, pgOptions }
  let listed = options.servers
  let lists = 0
  const quiet = createInactivityTimer({
    afterMs: options.quietAfterMs,
    onQuiet() {
      // What is known of the servers is in the monitor, so that all of it goes with it.
      const { topology, positions } = monitor
      process.state?.settleHome(positions, performance.now(), writerIn(topology))
      monitor.stop()
      monitor = newMonitor(dormantTopology(topology, steadyNow()), writerIn(topology))
      spares.stop()
      for (const each of everyone()) each.retire()
      listener.onQuiet()
      events.emit('quiet')
    },
    onWake() {
      watch()
      listener.onWake()
      events.emit('wake')
    },
  })
  const inFlight = createDrainCounter(quiet)
  const firstList = createFirstList(options.source !== undefined)
  const process = createProcessSession(options.source !== undefined, listed.map(databaseOf), inFlight)
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
      connectTimeoutMs: dialTimeoutMs,
      pgOptions,
      maxWaiting: options.maxWaiting,
      probedRole: (machine) => monitor.roleOf(name, machine),
      probedPooled: () => monitor.stateOf(name)?.pooled === true,
      refusedWaitMs: () =>
        monitor.roleOf(name, undefined) === 'replica' ? REFUSED_READ_MS : options.failoverTimeoutMs,
      onEvent: events.emit,
      onBusy: () => monitor.watchClosely(),
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
  const watchWriter = createWriterWatch((event) => events.emit('writer', event))
  const newMonitor = (initial: Observed, writer?: string): Monitor =>
    createMonitor({
      initial,
      writer,
      supervise,
      intervalMs: options.probeIntervalMs,
      silentMs: options.probeTimeoutMs,
      boundSilentMs: options.silenceTimeoutMs,
      random: Math.random,
      isHome: (name) =>
        region.region !== undefined && listed.some((each) => each.name === name && each.region === region.region),
      onChange(topology) {
        events.emit('topology', inWallTime(topology, aheadMs()))
        if (firstList.state !== 'awaited') watchWriter(topology)
        spares.look()
      },
      onProblem: (problem) => events.emit('problem', problem),
      onPrimary: (event) => events.emit('primary', event),
      onTrouble: listener.onTrouble,
    })
  monitor = newMonitor(initialTopology(listed, steadyNow(), options))
  const everyone = (): ServerConnections[] => [...connections.values(), ...leaving]
  // Connection events are passed on only if they have listeners, because it is measurable on short reads.
  events.onListener((event) => {
    heard.add(event)
    for (const each of everyone()) each.forward(event)
  })
  const scope = {}
  const ending = new AbortController()
  const ended = ending.signal

  const spares = createSpareConnections(connections, () => {
    if (listed.length === 1) return NONE
    const primaryOnly = modes.uniform === 'primary-only' || modes.uniform === 'observe'
    return nextTargets(monitor.topology, { region: region.region, primaryOnly, draw: lot.draw })
  })

  /** With one server there is nothing to choose from. */
  const watch = (): void => {
    if (listed.length === 1 || quiet.quiet) return
    monitor.start()
    if (pgOptions.min !== 0 && !ended.aborted) spares.start()
  }

  const drain = async (name: string, old: ServerConnections): Promise<void> => {
    leaving.add(old)
    // Nobody who is free, or only waits, goes on there.
    old.leave()
    const end = performance.now() + DRAIN_MS
    const waits = (): boolean => old.inFlight > 0 && performance.now() < end
    // oxlint-disable-next-line no-await-in-loop -- it ends when they have
    while (waits()) await sleep(20, undefined, { ref: false })
    old.destroy()
    leaving.delete(old)
    if (!connections.has(name)) monitor.forget(name)
  }

  const lot = { draw: Math.random(), route: undefined }
  const modes = createOperatorMode(options.modes, lot, (event) => events.emit('mode', event))
  const forecaster = createForecaster(
    (server) => monitor.stateOf(server)?.role === 'replica',
    (event) => events.emit('observed', event),
  )

  watch()
  const bookmarkStore =
    options.bookmarkStore &&
    new ResilientStore({ ...options.bookmarkStore, tell: (event) => events.emit('store', event) })
  return {
    modes,
    forecaster,
    bookmarkStore,
    engine: createEngine({
      options,
      modes,
      observer: forecaster,
      monitor: () => monitor,
      connections,
      events,
      scope,
      alone: () => listed.length === 1,
      lists: () => lists,
      region: () => region.region,
      process,
      firstList,
    }),
    scope,
    Client: serverClient({
      server: 'primary',
      login: () => logins.of(writeOrder(monitor.topology)[0]?.name ?? '')(),
    }),
    get monitor() {
      return monitor
    },
    get quiet() {
      return quiet.quiet
    },
    async whileAwake(work) {
      quiet.begin()
      try {
        return await work()
      } finally {
        quiet.end()
      }
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
      if (gone.length > 0 || next.length > before.size) lists++
      process.lead(next.map(databaseOf))
      for (const [name] of gone) connections.delete(name)
      for (const server of next) if (!connections.has(server.name)) connections.set(server.name, connect(server))
      monitor.setServers(next, (name) => same.has(name))
      watch()
      for (const [name, old] of gone) void drain(name, old)
      firstList.came()
    },
    keep: () => firstList.failed(),
    async end() {
      ending.abort(endedError())
      spares.stop()
      firstList.failed()
      // The monitor keeps running until nothing is in flight: a server that is silent now would otherwise never give it up.
      await inFlight.over()
      process.leave()
      quiet.stop()
      await bookmarkStore?.end()
      monitor.stop()
      await Promise.all(everyone().map((each) => each.end()))
    },
    destroy() {
      ending.abort(endedError())
      spares.stop()
      firstList.failed()
      process.leave()
      quiet.stop()
      bookmarkStore?.stop()
      monitor.stop()
      for (const each of everyone()) each.destroy()
    },
  }
}

/** Two pools whose servers have one of these in common lead to the same database. */
function databaseOf({ address: { host, hostaddr, port, database } }: ListedServer): string {
  return `${hostaddr ?? host}:${port}/${database ?? ''}`
}

function regionAmong({ findRegion }: ParsedOptions, listed: readonly ListedServer[]): ProcessRegion {
  return findRegion(listed.map(({ region }) => region))
}

function writerIn(topology: Topology): string | undefined {
  return hasWriter(topology) ? writeOrder(topology)[0]?.name : undefined
}
