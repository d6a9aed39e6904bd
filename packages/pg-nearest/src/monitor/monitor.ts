import {
  initialTopology,
  withAnswer,
  withFailure,
  withoutPipelines,
  withoutServer,
  withServers,
  type Observation,
  type Observed,
} from '../topology/topology-updates.ts'
import { whyInvalid } from '../topology/invalid-member.ts'
import type { Sign } from '../topology/health.ts'
import { hasWriter, writeOrder } from '../topology/server-selection.ts'
import type { PrimaryTrail } from '../topology/staleness.ts'
import type { Server, ServerState, Topology } from '../topology/topology.ts'
import { describeFailure, isAnswer } from '../server-failure.ts'
import type { PrimaryEvent, ProblemEvent } from '../events/event-types.ts'
import { normalizeInsertLsn } from '../topology/lsn.ts'
import { nextProbeMs } from './probe-backoff.ts'
import { createKnownPositions, type KnownPositions } from './known-positions.ts'
import { createStallAwareClock } from './stall-aware-clock.ts'
import { createPositionWatch } from './position-watch.ts'
import { createProblemReporter } from './problem-reporter.ts'
import type { Report } from './server-report.ts'
import { createServerWatch, type ServerWatch } from './server-watch.ts'
import type { MonitoredServer } from './monitored-server.ts'
import { createWriterWaiters } from './writer-waiters.ts'

export interface MonitorOptions {
  readonly servers: readonly Server[]
  readonly supervise: (name: string) => MonitoredServer
  readonly intervalMs: number
  /** A server that does not answer for so long is silent: it counts as gone, and what can run elsewhere is moved. */
  readonly silentMs: number
  /** After so much silence a write or a transaction in flight is given up, too. */
  readonly boundSilentMs: number
  readonly random: () => number
  // What is called below must not throw: nothing here catches it.
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
  /** Waits until a server has said, after `since`, that it takes writes: `false` when none does within the time. */
  writerAfter(since: number, withinMs: number, signal: AbortSignal | undefined): Promise<boolean>
  /**
   * The server's answer to a question that was sent after this call; `undefined` when it does not give one in the time for a
   * probe. Whoever calls before the question is sent shares it.
   */
  askNow(server: string): Promise<Observation | undefined>
  /** Begins to probe, each server at its own pace; once more does nothing. A slow server never holds up another. */
  start(): void
  /** Probes every server once, now, and resolves when each has answered or failed, or has left the list. */
  refresh(): Promise<Topology>
  /** Evidence from a statement. What comes from connections that have been replaced since is ignored. */
  report(report: Report): void
  /** Evidence from a statement: what was sent together with it was not answered. */
  noPipelines(server: string): void
  /** Takes another list. Servers that left are no longer watched, and stay in the topology until they are forgotten. */
  setServers(servers: readonly Server[], isSame: (name: string) => boolean): void
  forget(server: string): void
  /** For good. Whoever waits for the monitor waits no longer. */
  stop(): void
}

/** How often to check whether somebody waits for a server that says nothing. */
const TICK_MS = 100

export function createMonitor(options: MonitorOptions): Monitor {
  const { intervalMs, silentMs, boundSilentMs, random } = options
  let observed: Observed = initialTopology(options.servers, Date.now())
  let states = byName(observed.topology)
  let phase: 'waiting' | 'running' | 'stopped' = 'waiting'
  let ticker: NodeJS.Timeout | undefined
  const reportProblems = createProblemReporter(options.onProblem)
  const writers = createWriterWaiters()
  const positions = createKnownPositions()
  const positionWatch = createPositionWatch({
    async ask(server) {
      const at = performance.now()
      const lsn = await watches.get(server)?.position()
      if (lsn !== undefined) positions.note(server, { lsn, at, standby: true })
      return lsn
    },
  })

  const newWatch = (name: string): ServerWatch =>
    createServerWatch({
      name,
      supervised: options.supervise(name),
      intervalMs,
      silentMs,
      boundSilentMs,
      nextMs: () => nextProbeMs(intervalMs, states.get(name)?.failures ?? 0, !hasWriter(observed.topology), random),
      onAnswer(answer) {
        notePosition(positions, name, answer)
        publish(withAnswer(observed, name, answer))
        // A primary that was replaced is still asked, but no connection of ours stays open there.
        const state = states.get(name)
        const replaced = state?.role === 'primary' && whyInvalid(observed.topology, state) !== undefined
        if (replaced) watches.get(name)?.disconnect()
      },
      onFailure(error, { sign }) {
        positions.noteLoss(name)
        fail(name, sign, error)
      },
    })
  const watches = new Map<string, ServerWatch>(options.servers.map(({ name }) => [name, newWatch(name)]))

  /** Acts on the change first, and tells the listeners last. */
  const publish = (next: Observed): void => {
    const before = observed.topology
    observed = next
    states = byName(next.topology)
    dropDemoted(before, next.topology)
    if (hasWriter(before) && !hasWriter(next.topology)) for (const watch of watches.values()) watch.reschedule()
    writers.update(next.topology)
    reportProblems(next.topology)
    tellPrimary(before, next.topology)
    if (!changed(before, next.topology)) return
    options.onChange(next.topology)
    if (isWorse(before, next.topology)) options.onTrouble()
  }

  const fail = (server: string, sign: Exclude<Sign, 'answered' | 'removed'>, error: unknown): void =>
    publish(withFailure(observed, server, sign, describeFailure(server, error), Date.now()))

  /** What is still running on a former primary would be lost, or written to a history that has ended. */
  const dropDemoted = (before: Topology, after: Topology): void => {
    for (const server of after.servers) {
      const was = before.servers.find(({ name }) => name === server.name)
      if (was?.role !== 'primary' || whyInvalid(before, was) !== undefined) continue
      if (server.role !== 'replica' && whyInvalid(after, server) === undefined) continue
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

  const clock = createStallAwareClock(TICK_MS, performance.now())
  const tick = (): void => {
    const now = performance.now()
    const listenedMs = clock.tick(now)
    if (listenedMs === undefined) return
    for (const watch of watches.values()) watch.tick(now, listenedMs)
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
      phase === 'running' ? writers.after(observed.topology, since, withinMs, signal) : Promise.resolve(false),
    askNow: (server) => watches.get(server)?.askNow() ?? Promise.resolve(undefined),
    start() {
      if (phase !== 'waiting') return
      phase = 'running'
      ticker = setInterval(tick, TICK_MS)
      ticker.unref()
      for (const watch of watches.values()) watch.start()
    },
    async refresh() {
      await Promise.all([...watches.values()].map((watch) => watch.ask()))
      return observed.topology
    },
    report({ server, generation, sign, error }) {
      const watch = watches.get(server)
      // Before the first probe, and with a single database, nobody would mark it up again.
      if (watch === undefined || phase !== 'running') return
      if (sign === 'role') return void [...watches.values()].map((each) => each.ask())
      if (generation < watch.connections.generation) return
      if (isAnswer(error)) watch.heard()
      fail(server, sign, error)
      void watch.ask()
    },
    noPipelines(server) {
      if (phase !== 'stopped') publish(withoutPipelines(observed, server, Date.now()))
    },
    setServers(servers, isSame) {
      if (phase === 'stopped') return
      const listed = new Set(servers.map(({ name }) => name))
      for (const [name, watch] of watches) {
        if (listed.has(name) && isSame(name)) continue
        watch.end()
        watches.delete(name)
        positionWatch.forget(name)
        positions.forget(name)
      }
      const added = servers.flatMap(({ name }) => (watches.has(name) ? [] : [newWatch(name)]))
      for (const watch of added) watches.set(watch.name, watch)
      publish(withServers(observed, servers, isSame, Date.now()))
      if (phase === 'running') for (const watch of added) watch.start()
    },
    forget(server) {
      if (phase !== 'stopped') publish(withoutServer(observed, server, Date.now()))
    },
    stop() {
      phase = 'stopped'
      clearInterval(ticker)
      for (const watch of watches.values()) watch.end()
      positionWatch.stop()
      writers.stop()
    },
  }
}

function notePosition(positions: KnownPositions, server: string, seen: Observation): void {
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
