import {
  initialTopology,
  withAnswer,
  withFailure,
  withoutPipelines,
  type Observation,
  type Observed,
} from '../topology/observe.ts'
import { problemOf } from '../topology/problem-of.ts'
import type { PrimaryTrail } from '../topology/staleness.ts'
import type { Server, ServerState, Topology } from '../topology/topology.ts'
import { describeFailure } from '../server-failure.ts'
import type { ProblemEvent } from '../events/events.ts'
import { normalizeInsertLsn } from '../topology/position.ts'
import { nextProbeMs } from './backoff.ts'
import { createKnownPositions, type KnownPositions } from './known-positions.ts'
import { createPositionWatch } from './position-watch.ts'
import type { Probe } from './probe.ts'

export interface MonitorOptions {
  readonly servers: readonly Server[]
  readonly probeOf: (name: string) => Probe
  readonly intervalMs: number
  readonly random: () => number
  /** A server's role or health changed. */
  readonly onChange: (topology: Topology) => void
  readonly onProblem: (problem: ProblemEvent) => void
}

/** Asks the servers who they are, and publishes what is known of them as immutable snapshots. */
export interface Monitor {
  readonly topology: Topology
  /** The primary's positions over the last while. */
  readonly trail: PrimaryTrail
  readonly positions: KnownPositions
  /** Waits until a standby shows this position: `false` when it does not within the time. */
  reached(server: string, lsn: bigint, withinMs: number): Promise<boolean>
  /** Begins to probe, each server at its own pace; once more does nothing. A slow server never holds up another. */
  start(): void
  /** Probes every server once, now, and resolves when each has answered or failed. */
  refresh(): Promise<Topology>
  /** Evidence from a query: a server could not be connected to, or a connection to it was lost. */
  report(server: string, error: unknown, phase: 'connect' | 'query'): void
  /** Evidence from a query: what was sent at once with it was not answered. */
  noPipelines(server: string): void
  stop(): void
}

interface Watch {
  readonly server: Server
  readonly probe: Probe
  timer: NodeJS.Timeout | undefined
  asking: Promise<void> | undefined
  failures: number
}

export function createMonitor(options: MonitorOptions): Monitor {
  const { intervalMs, random } = options
  let observed: Observed = initialTopology(options.servers, Date.now())
  let running = false
  let stopped = false
  const watches = new Map<string, Watch>(
    options.servers.map((server) => [
      server.name,
      { server, probe: options.probeOf(server.name), timer: undefined, asking: undefined, failures: 0 },
    ]),
  )
  const told = new Map<string, string>()
  const positions = createKnownPositions()
  const positionWatch = createPositionWatch({
    async ask(server) {
      const at = performance.now()
      const lsn = await watches.get(server)?.probe.position()
      if (lsn !== undefined) positions.note(server, { lsn, at })
      return lsn
    },
  })

  const publish = (next: Observed): void => {
    const before = observed.topology
    observed = next
    tellProblems()
    if (changed(before, next.topology)) options.onChange(next.topology)
  }

  const tellProblems = (): void => {
    for (const server of observed.topology.servers) {
      const message = problemOf(observed.topology, server)
      const news = message !== told.get(server.name)
      if (message === undefined) told.delete(server.name)
      else told.set(server.name, message)
      if (news && message !== undefined) options.onProblem({ server: server.name, region: server.region, message })
    }
  }

  const ask = async (watch: Watch): Promise<void> => {
    try {
      const answer = await watch.probe.ask()
      watch.failures = 0
      notePosition(watch.server.name, answer)
      if (!stopped) publish(withAnswer(observed, watch.server.name, answer))
    } catch (error) {
      watch.failures++
      positions.noteLoss(watch.server.name)
      if (!stopped) fail(watch, error)
    }
  }

  const notePosition = (server: string, seen: Observation): void => {
    const { role, lsn, sentAt, timeline, systemIdentifier } = seen
    if (lsn === undefined) return
    positions.note(server, {
      lsn: role === 'primary' ? normalizeInsertLsn(lsn) : lsn,
      at: sentAt,
      ...(timeline === undefined ? {} : { timeline }),
      ...(systemIdentifier === undefined ? {} : { systemIdentifier }),
    })
  }

  const fail = (watch: Watch, error: unknown): void => {
    const { name } = watch.server
    publish(withFailure(observed, name, describeFailure(name, error), Date.now()))
  }

  const askOnce = (watch: Watch): Promise<void> => {
    clearTimeout(watch.timer)
    watch.asking ??= ask(watch).finally(() => {
      watch.asking = undefined
      if (running) schedule(watch)
    })
    return watch.asking
  }

  const schedule = (watch: Watch): void => {
    clearTimeout(watch.timer)
    watch.timer = setTimeout(() => void askOnce(watch), nextProbeMs(intervalMs, watch.failures, random))
    watch.timer.unref()
  }

  return {
    get topology() {
      return observed.topology
    },
    get trail() {
      return observed.trail
    },
    positions,
    reached: positionWatch.reached,
    start() {
      if (running || stopped) return
      running = true
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
      if (phase === 'connect') fail(watch, error)
      void askOnce(watch)
    },
    noPipelines(server) {
      if (!stopped) publish(withoutPipelines(observed, server, Date.now()))
    },
    stop() {
      stopped = true
      running = false
      for (const watch of watches.values()) {
        clearTimeout(watch.timer)
        watch.probe.close()
      }
    },
  }
}

function changed(before: Topology, after: Topology): boolean {
  return after.servers.some((server, i) => differs(server, before.servers[i]))
}

function differs(a: ServerState, b: ServerState | undefined): boolean {
  return b === undefined || a.role !== b.role || a.health !== b.health || a.timeline !== b.timeline
}
