import type { ListedServer } from '../discovery/listed-server.ts'
import type { QueryEvent } from '../events/events.ts'
import type { Outlet } from '../events/outlet.ts'
import type { Engine } from '../execute/engine.ts'
import { createMonitor, type Monitor } from '../monitor/monitor.ts'
import { createProbe } from '../monitor/probe.ts'
import { createServerConnections, type ServerConnections } from '../monitor/server-connections.ts'
import { currentSession } from '../session/scope.ts'
import { SessionState } from '../session/session-state.ts'
import { createStatementCache } from '../statement/statement-cache.ts'
import type { ParsedOptions } from './parse-pool-options.ts'
import { createUsage, type Usage } from './usage.ts'

/** All of a pool's servers: what is known of them, and the connections to them. */
export interface Servers {
  readonly engine: Engine
  /** By what this pool's sessions are found among those of others. */
  readonly scope: object
  readonly monitor: Monitor
  readonly listed: readonly ListedServer[]
  readonly connections: readonly ServerConnections[]
  /** Nothing more may begin. */
  readonly ending: boolean
  /** Statements and lent clients that are under way. */
  readonly usage: Usage
  /** Waits for what has begun, then closes all. */
  end(): Promise<void>
  /** Closes all now. */
  destroy(): void
}

/** Opens nothing but the monitor's connections, and those only if there is a choice to be made. */
export function createServers(options: ParsedOptions, events: Outlet): Servers {
  const { servers, pgOptions, connectTimeoutMs } = options
  const probeOptions = { connectTimeoutMs, timeoutMs: options.probeTimeoutMs, pipeline: options.pipeline, pgOptions }
  const urls = new Map(servers.map(({ name, address }) => [name, address.url]))
  const monitor = createMonitor({
    servers,
    intervalMs: options.probeIntervalMs,
    random: Math.random,
    probeOf: (name) => createProbe({ url: urls.get(name) ?? '', ...probeOptions }),
    onChange: (topology) => events.emit('topology', topology),
    onProblem: (problem) => events.emit('problem', problem),
  })
  const connections = new Map(
    servers.map((server, i) => [
      server.name,
      createServerConnections({
        server,
        url: server.address.url,
        connectTimeoutMs,
        pgOptions,
        // A topology keeps the order of the list.
        probedRole: () => monitor.topology.servers[i]?.role ?? 'unknown',
        onEvent: events.emit,
        onLoss: () => monitor.positions.noteLoss(server.name),
        pipelines: () => options.pipeline && monitor.topology.servers[i]?.pipelines !== false,
        onNoPipelines: () => monitor.noPipelines(server.name),
      }),
    ]),
  )
  const all = [...connections.values()]
  // Most pools have no listener for these, and passing them on shows in the time of a short read.
  events.onListener((event) => {
    for (const each of all) each.forward(event)
  })
  const usage = createUsage()
  const scope = {}
  let ending = false
  if (servers.length > 1) monitor.start()
  return {
    engine: createEngine(options, monitor, connections, events, scope),
    scope,
    monitor,
    listed: servers,
    connections: all,
    usage,
    get ending() {
      return ending
    },
    async end() {
      ending = true
      monitor.stop()
      // pg's own end() would let those who still wait for a connection wait for ever.
      await usage.over()
      await Promise.all(all.map((each) => each.end()))
    },
    destroy() {
      ending = true
      monitor.stop()
      for (const each of all) each.destroy()
    },
  }
}

function createEngine(
  { region, servers, learnedStatements, consistency }: ParsedOptions,
  monitor: Monitor,
  connections: ReadonlyMap<string, ServerConnections>,
  events: Outlet,
  scope: object,
): Engine {
  const regions = new Map(servers.map((server) => [server.name, server.region]))
  const emitQuery = (event: QueryEvent): void => events.emit('query', event)
  return {
    get topology() {
      return monitor.topology
    },
    get trail() {
      return monitor.trail
    },
    positions: monitor.positions,
    reached: monitor.reached,
    consistency,
    process: servers.length > 1 ? new SessionState() : undefined,
    currentSession: () => currentSession(scope),
    onPositionLost: (event) => events.emit('position-lost', event),
    statements: createStatementCache({ max: learnedStatements }),
    chooser: { region, load: (server) => connections.get(server)?.inFlight ?? 0, random: Math.random },
    borrow(server) {
      const at = connections.get(server)
      return at === undefined ? Promise.reject(new Error(`No server is named ${server}`)) : at.borrow()
    },
    report: monitor.report,
    regionOf: (server) => regions.get(server),
    get onQuery() {
      return events.hears('query') ? emitQuery : undefined
    },
  }
}
