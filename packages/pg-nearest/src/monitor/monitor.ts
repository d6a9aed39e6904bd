import {
  initialTopology,
  withAnswer,
  withFailure,
  withoutPipelines,
  withoutServer,
  withServers,
  type Observation,
  type Observed,
} from '../topology/observe.ts'
import { misplaced } from '../topology/misplaced.ts'
import { hasWriter, writeOrder } from '../topology/selection.ts'
import type { PrimaryTrail } from '../topology/staleness.ts'
import type { Server, ServerState, Topology } from '../topology/topology.ts'
import { describeFailure } from '../server-failure.ts'
import type { PrimaryEvent, ProblemEvent } from '../events/events.ts'
import { normalizeInsertLsn } from '../topology/position.ts'
import { nextProbeMs } from './backoff.ts'
import { createKnownPositions, type KnownPositions } from './known-positions.ts'
import { createPositionWatch } from './position-watch.ts'
import type { Probe } from './probe.ts'
import { createProblemTeller } from './problem-teller.ts'
import type { ServerConnections } from './server-connections.ts'
import { SilentError } from './time-limit.ts'
import { createWriterWatch } from './writer-watch.ts'

/** What the monitor needs of one server. */
export interface Supervised {
  readonly probe: Probe
  readonly connections: Pick<ServerConnections, 'waitingSince' | 'giveUp' | 'drop'>
}

export interface MonitorOptions {
  readonly servers: readonly Server[]
  readonly supervise: (name: string) => Supervised
  readonly intervalMs: number
  /** After so much silence a server counts as gone. */
  readonly silentMs: number
  readonly random: () => number
  /** A server's role or health changed. */
  readonly onChange: (topology: Topology) => void
  readonly onProblem: (problem: ProblemEvent) => void
  readonly onPrimary: (event: PrimaryEvent) => void
  /** A server that was well is not. */
  readonly onTrouble: () => void
}

/** Asks the servers who they are, and publishes what is known of them as immutable snapshots. */
export interface Monitor {
  readonly topology: Topology
  /** The primary's positions over the last while. */
  readonly trail: PrimaryTrail
  readonly positions: KnownPositions
  stateOf(server: string): ServerState | undefined
  /** Waits until a standby shows this position: `false` when it does not within the time. */
  reached(server: string, lsn: bigint, withinMs: number): Promise<boolean>
  /** Waits until somebody has said, after `since`, that they take writes: `false` when nobody does within the time. */
  writerAfter(since: number, withinMs: number, signal: AbortSignal | undefined): Promise<boolean>
  /** Begins to probe, each server at its own pace; once more does nothing. A slow server never holds up another. */
  start(): void
  /** Probes every server once, now, and resolves when each has answered or failed. */
  refresh(): Promise<Topology>
  /**
   * Evidence from a query: a server could not be connected to, a connection to it was lost, or its role is not what it was
   * taken for.
   */
  report(server: string, error: unknown, phase: 'connect' | 'query' | 'role'): void
  /** Evidence from a query: what was sent at once with it was not answered. */
  noPipelines(server: string): void
  /** Takes another list. Those that left are watched no more, and stay in the topology until they are forgotten. */
  setServers(servers: readonly Server[], isSame: (name: string) => boolean): void
  forget(server: string): void
  stop(): void
}

interface Watch extends Supervised {
  readonly name: string
  timer: NodeJS.Timeout | undefined
  asking: Promise<void> | undefined
  /** When it last answered, by `performance.now()`. */
  heardAt: number
  over: boolean
}

/** How often it is looked whether somebody waits for a server that says nothing. */
const TICK_MS = 100

export function createMonitor(options: MonitorOptions): Monitor {
  const { intervalMs, silentMs, random } = options
  let observed: Observed = initialTopology(options.servers, Date.now())
  let states = byName(observed.topology)
  let running = false
  let stopped = false
  let ticker: NodeJS.Timeout | undefined
  const newWatch = (name: string): Watch => ({
    name,
    ...options.supervise(name),
    timer: undefined,
    asking: undefined,
    heardAt: performance.now(),
    over: false,
  })
  const watches = new Map<string, Watch>(options.servers.map(({ name }) => [name, newWatch(name)]))
  const tellProblems = createProblemTeller(options.onProblem)
  const writers = createWriterWatch()
  const positions = createKnownPositions()
  const positionWatch = createPositionWatch({
    async ask(server) {
      const at = performance.now()
      const lsn = await watches.get(server)?.probe.position()
      if (lsn !== undefined) positions.note(server, { lsn, at, standby: true })
      return lsn
    },
  })

  const publish = (next: Observed): void => {
    const before = observed.topology
    observed = next
    states = byName(next.topology)
    tellProblems(next.topology)
    dropDemoted(before, next.topology)
    if (hasWriter(before) && !hasWriter(next.topology)) search()
    writers.tell(next.topology)
    tellPrimary(before, next.topology)
    if (!changed(before, next.topology)) return
    options.onChange(next.topology)
    if (isWorse(before, next.topology)) options.onTrouble()
  }

  /** What was begun on a primary that is none any more would be lost, or would be written to a history that has ended. */
  const dropDemoted = (before: Topology, after: Topology): void => {
    for (const server of after.servers) {
      const was = before.servers.find(({ name }) => name === server.name)
      if (was?.role !== 'primary' || misplaced(before, was) !== undefined) continue
      if (server.role !== 'replica' && misplaced(after, server) === undefined) continue
      positions.noteLoss(server.name)
      watches.get(server.name)?.connections.drop()
    }
  }

  const tellPrimary = (before: Topology, after: Topology): void => {
    if (!hasWriter(after)) return
    const [now] = writeOrder(after)
    const [old] = writeOrder(before)
    if (now === undefined || now.name === old?.name) return
    options.onPrimary({ server: now.name, region: now.region, timeline: now.timeline, before: old?.name })
  }

  const ask = async (watch: Watch): Promise<void> => {
    const { name, probe } = watch
    try {
      const answer = await probe.ask()
      watch.heardAt = performance.now()
      if (stopped || watch.over) return
      notePosition(name, answer)
      publish(withAnswer(observed, name, answer))
      const state = states.get(name)
      // A primary that was replaced is asked on, and nothing of ours stays there.
      if (state?.role === 'primary' && misplaced(observed.topology, state) !== undefined) probe.close()
    } catch (error) {
      positions.noteLoss(name)
      if (!stopped && !watch.over) fail(watch, error instanceof SilentError ? 'silent' : 'unreachable', error)
    }
  }

  const notePosition = (server: string, seen: Observation): void => {
    const { role, lsn, sentAt, timeline, systemIdentifier } = seen
    if (lsn === undefined) return
    positions.note(server, {
      lsn: role === 'primary' ? normalizeInsertLsn(lsn) : lsn,
      at: sentAt,
      standby: role === 'replica',
      ...(timeline === undefined ? {} : { timeline }),
      ...(systemIdentifier === undefined ? {} : { systemIdentifier }),
    })
  }

  const fail = ({ name, connections }: Watch, sign: 'silent' | 'unreachable' | 'lost', error: unknown): void => {
    publish(withFailure(observed, name, sign, describeFailure(name, error), Date.now()))
    if (sign === 'silent') connections.giveUp(performance.now(), silentMs)
  }

  const askOnce = (watch: Watch): Promise<void> => {
    clearTimeout(watch.timer)
    watch.asking ??= ask(watch).finally(() => {
      watch.asking = undefined
      if (running && !watch.over) schedule(watch)
    })
    return watch.asking
  }

  const schedule = (watch: Watch): void => {
    clearTimeout(watch.timer)
    const failures = states.get(watch.name)?.failures ?? 0
    const ms = nextProbeMs(intervalMs, failures, !hasWriter(observed.topology), random)
    watch.timer = setTimeout(() => void askOnce(watch), ms)
    watch.timer.unref()
  }

  /** Somebody will be promoted. */
  const search = (): void => {
    if (!running) return
    for (const watch of watches.values()) if (watch.asking === undefined) schedule(watch)
  }

  /** Whoever has been silent for a while, though somebody waits, is asked; whoever was given up keeps nobody waiting. */
  const tick = (): void => {
    const now = performance.now()
    for (const watch of watches.values()) {
      const waitingSince = watch.connections.waitingSince(now)
      if (waitingSince === undefined) continue
      if (states.get(watch.name)?.health === 'down') watch.connections.giveUp(now, silentMs)
      const quietSince = Math.max(waitingSince, watch.heardAt)
      if (watch.asking === undefined && now - quietSince > intervalMs / 2) void askOnce(watch)
    }
  }

  const end = (watch: Watch): void => {
    watch.over = true
    clearTimeout(watch.timer)
    watch.probe.close()
  }

  return {
    get topology() {
      return observed.topology
    },
    get trail() {
      return observed.trail
    },
    positions,
    stateOf: (server) => states.get(server),
    reached: positionWatch.reached,
    writerAfter: (since, withinMs, signal) =>
      running ? writers.after(observed.topology, since, withinMs, signal) : Promise.resolve(false),
    start() {
      if (running || stopped) return
      running = true
      ticker = setInterval(tick, TICK_MS)
      ticker.unref()
      for (const watch of watches.values()) void askOnce(watch)
    },
    async refresh() {
      await Promise.all([...watches.values()].map(askOnce))
      return observed.topology
    },
    report(server, error, phase) {
      const watch = watches.get(server)
      // Before the first probe, and with a single database, nobody would mark it up again.
      if (watch === undefined || !running) return
      if (phase !== 'role') fail(watch, phase === 'connect' ? 'unreachable' : 'lost', error)
      for (const each of phase === 'role' ? watches.values() : [watch]) void askOnce(each)
    },
    noPipelines(server) {
      if (!stopped) publish(withoutPipelines(observed, server, Date.now()))
    },
    setServers(servers, isSame) {
      const listed = new Set(servers.map(({ name }) => name))
      for (const [name, watch] of watches) {
        if (listed.has(name) && isSame(name)) continue
        end(watch)
        watches.delete(name)
        positions.forget(name)
      }
      const added = servers.flatMap(({ name }) => (watches.has(name) ? [] : [newWatch(name)]))
      for (const watch of added) watches.set(watch.name, watch)
      publish(withServers(observed, servers, isSame, Date.now()))
      if (running) for (const watch of added) void askOnce(watch)
    },
    forget(server) {
      if (!stopped) publish(withoutServer(observed, server, Date.now()))
    },
    stop() {
      stopped = true
      running = false
      clearInterval(ticker)
      writers.stop()
      for (const watch of watches.values()) end(watch)
    },
  }
}

function byName(topology: Topology): ReadonlyMap<string, ServerState> {
  return new Map(topology.servers.map((server) => [server.name, server]))
}

function changed(before: Topology, after: Topology): boolean {
  return (
    before.servers.length !== after.servers.length ||
    after.servers.some((server, i) => differs(server, before.servers[i]))
  )
}

function differs(a: ServerState, b: ServerState | undefined): boolean {
  return b === undefined || a.name !== b.name || a.role !== b.role || a.health !== b.health || a.timeline !== b.timeline
}

function isWorse(before: Topology, after: Topology): boolean {
  return after.servers.some(
    ({ name, health }) => health === 'down' && before.servers.find((was) => was.name === name)?.health !== 'down',
  )
}
