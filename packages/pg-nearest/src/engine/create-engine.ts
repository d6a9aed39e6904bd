import type { QueryEvent } from '../events/event-types.ts'
import type { EventRelay } from '../events/event-relay.ts'
import type { Engine } from '../execute/engine-interface.ts'
import type { ServerConnections } from '../connections/server-connections-types.ts'
import { unlisted } from '../connections/no-connection-error.ts'
import { createBookmarkClaims } from '../session-positions/external-bookmark-gate.ts'
import { Lanes } from '../lanes/lanes.ts'
import { createHedging } from '../limits/hedge-policy.ts'
import { createRetryBudget } from '../limits/retry-budget.ts'
import type { Monitor } from '../monitor/monitor.ts'
import { currentWitness } from '../events/served-by-collector.ts'
import { currentConsistency } from '../session/current-consistency.ts'
import { currentSession } from '../session/current-session.ts'
import { currentWriteGuard } from '../write-guard/before-write-hook.ts'
import { createLearnedWrites } from '../statement/learned-writes.ts'
import type { ParsedOptions } from '../options/parse-pool-options.ts'
import type { FirstList } from './first-list.ts'
import type { ProcessSession } from './process-session.ts'
import type { Forecaster } from './observe-mode-report.ts'
import type { OperatorMode } from './operator-mode.ts'

export interface EngineParts {
  readonly options: ParsedOptions
  readonly modes: OperatorMode
  readonly observer: Forecaster
  /** Another one after each time that the pool was quiet. */
  readonly monitor: () => Monitor
  readonly connections: ReadonlyMap<string, ServerConnections>
  readonly events: EventRelay
  readonly scope: object
  readonly alone: () => boolean
  readonly lists: () => number
  readonly region: () => string | undefined
  readonly process: ProcessSession
  readonly firstList: FirstList
}

/** What statements need of a pool's servers. */
export function createEngine(parts: EngineParts): Engine {
  const { options, modes, observer, monitor, connections, events, scope, alone, lists, region, process, firstList } =
    parts
  const { learnedStatements, consistency, assumeReplicatedAfterMs } = options
  const { failoverTimeoutMs, hedge, timeoutMs, pgOptions } = options
  const budget = createRetryBudget()
  const report: Engine['report'] = (what) => monitor().report(what)
  const emitQuery = (event: QueryEvent): unknown => events.emit('query', event)
  const lanes = options.lanes
    ? new Lanes({
        prepareFrom: options.prepareFrom,
        sharers: (server) => connections.get(server)?.sharers ?? 'all',
        onRoom: (server, hasRoom) => connections.get(server)?.share(hasRoom),
        onLost({ server, generation }, error) {
          report({ server, generation, sign: 'lost', error })
          return budget.withdraw('loss')
        },
      })
    : undefined
  return {
    get topology() {
      return monitor().topology
    },
    get trail() {
      return monitor().trail
    },
    get positions() {
      return monitor().positions
    },
    get members() {
      return monitor().members
    },
    reached: (server, lsn, withinMs) => monitor().reached(server, lsn, withinMs),
    consistency,
    assumeReplicatedAfterMs,
    get process() {
      return process.state
    },
    get alone() {
      return alone()
    },
    get hasChoice() {
      return !alone() || options.source !== undefined
    },
    get single() {
      return alone() && pgOptions.max === 1
    },
    currentSession: () => currentSession.get(scope),
    currentConsistency: () => currentConsistency.get(scope),
    currentWitness: () => currentWitness.get(scope),
    writeGuard: () => currentWriteGuard.get(scope),
    noteServed({ server, generation }) {
      const health = monitor().stateOf(server)?.health
      if (health !== 'down' && health !== 'suspect') return
      monitor().report({ server, generation, sign: 'served', error: undefined })
    },
    onPositionLost: (event) => events.emit('position-lost', event),
    statements: createLearnedWrites({ max: learnedStatements, now: () => performance.now() }),
    chooser: {
      get region() {
        return region()
      },
      load: (server) => (connections.get(server)?.inFlight ?? 0) + (lanes?.inFlight(server) ?? 0),
      random: Math.random,
    },
    take: (server, purpose, preference) => connections.get(server)?.take(purpose, preference),
    acquire(server, wanted, signal) {
      const at = connections.get(server)
      if (at === undefined) return Promise.reject(unlisted(server))
      return at.acquire(wanted, signal)
    },
    report,
    claims: createBookmarkClaims((server) => monitor().askNow(server)),
    // It may be a text, as for pg's timer.
    queryTimeoutMs: Number(pgOptions.query_timeout) || undefined,
    ownTypes: pgOptions.types !== undefined,
    budget,
    get lists() {
      return lists()
    },
    /** Whoever hears of each use of a connection may set something there for the one who has it. */
    get lanes() {
      return events.hasListeners('acquire') ? undefined : lanes
    },
    prepareFrom: options.prepareFrom,
    hedging: hedge === undefined ? undefined : createHedging(hedge),
    timeoutMs,
    modes,
    observer,
    get list() {
      return firstList.state
    },
    async waitForWriter(since, waitedMs, signal) {
      const leftMs = failoverTimeoutMs - waitedMs
      const writer = monitor().waitForWriter(since, leftMs, signal)
      if (firstList.state !== 'awaited') return writer
      const found = await firstList.orElse(writer, leftMs, signal)
      // Without a list one database has no standby that could be promoted.
      return found || alone() ? found : writer
    },
    stateOf: (server) => monitor().stateOf(server),
    get onQuery() {
      return events.hasListeners('query') ? emitQuery : undefined
    },
    get trace() {
      return events.trace
    },
  }
}
