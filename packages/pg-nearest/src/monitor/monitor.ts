import {
  withAnswer,
  withStandbysAnswer,
  withFailure,
  withLack,
  withoutPipelines,
  withoutServer,
  withServers,
  withService,
  type Observation,
  type Observed,
} from '../observations/topology-updates.ts'
import { whyInvalid } from '../topology/invalid-member.ts'
import { steadyNow } from '../sleep-aware-clock.ts'
import type { Sign } from '../topology/health.ts'
import { hasWriter, writeOrder } from '../server-selection/server-selection.ts'
import { areRoutedAlike } from '../topology/routing-relevant-state.ts'
import { byName, changedIn, isChanged, isWorse } from '../topology/topology-changes.ts'
import type { PrimaryTrail } from '../observations/staleness.ts'
import type { MemberMachine } from '../observations/update-members.ts'
import type { Role, Server, ServerState, Topology } from '../topology/topology-types.ts'
import { isErrorResponse } from '../driver-errors.ts'
import { describeFailure } from '../failures/describe-failure.ts'
import type { ServerHealthSignal } from '../failures/server-health-signal-types.ts'
import type { PrimaryEvent, ProblemEvent } from '../events/event-types.ts'
import { observedPosition } from '../observations/observed-position.ts'
import { nextProbeMs } from './probe-interval.ts'
import { createKnownPositions, type KnownPosition, type KnownPositions } from '../positions/known-positions.ts'
import { processMachines } from '../positions/process-machine-listeners.ts'
import { createStallAwareTicker } from './stall-aware-ticker.ts'
import { createPositionWatch } from '../positions/position-watch.ts'
import { createCrossPoolSharing } from './cross-pool-sharing.ts'
import { createLeavingWatches } from './leaving-watches.ts'
import { hasMoved, replacedPrimary } from './moved-name.ts'
import { createDemotions } from './demotions.ts'
import { createProblemReporter } from './problem-reporter.ts'
import {
  createMachinesBehindNames,
  renewalMs,
  type SeenMember,
  type MachinesBehindNames,
} from '../positions/machines-behind-names.ts'
import { createServerWatch, type ServerWatch } from '../server-watch/server-watch.ts'
import type { MonitoredServer } from '../server-watch/monitor-dependencies.ts'
import { createWriterWaiters } from './writer-waiters.ts'

export interface MonitorOptions {
  /** What is known to begin with. */
  readonly initial: Observed
  /** Who took the writes before this monitor began. */
  readonly writer: string | undefined
  readonly supervise: (name: string) => MonitoredServer
  readonly intervalMs: number
  /** After this much silence a server counts as down, and reads on it are moved to other servers. */
  readonly silentMs: number
  /** After this much silence writes and transactions in flight are given up, too. */
  readonly boundSilentMs: number
  readonly random: () => number
  /** Whether this process reads there when all is well. */
  readonly isHome: (name: string) => boolean
  // The callbacks below must not throw.
  /** A server's role or health changed. */
  readonly onChange: (topology: Topology) => void
  readonly onProblem: (problem: ProblemEvent) => void
  readonly onPrimary: (event: PrimaryEvent) => void
  /** A server went down. */
  readonly onTrouble: () => void
}

/** Probes the servers, and publishes what is known about them as immutable snapshots. */
export interface Monitor {
  readonly topology: Topology
  /** The primary's latest positions, with times. */
  readonly trail: PrimaryTrail
  readonly positions: KnownPositions
  readonly members: MachinesBehindNames
  /** The role of a machine behind a server's name, as far as it was asked. `machine: undefined`: of the one that answered last. */
  roleOf(server: string, machine: string | undefined): Role
  stateOf(server: string): ServerState | undefined
  /** Waits until a standby has replayed this position. Resolves with `false` after `withinMs`. */
  reached(server: string, lsn: bigint, withinMs: number): Promise<boolean>
  /** Waits until a server has said, after `since`, that it takes writes. Resolves with `false` after `withinMs`. */
  waitForWriter(since: number, withinMs: number, signal: AbortSignal | undefined): Promise<boolean>
  /**
   * The server's answer to a probe that was sent after this call; `undefined` if there is none within `silentMs`. Callers share a
   * probe until it is sent.
   */
  askNow(server: string): Promise<Observation | undefined>
  /** A server has something to do again: from now on silence counts. Calling it again does nothing. */
  watchClosely(): void
  /** Starts to probe each server at its own pace. Calling it again does nothing. */
  start(): void
  /** Probes every server now. Resolves when each has answered what was sent after this call, failed or left the list. */
  refresh(): Promise<Topology>
  /** Takes evidence from a connection. Ignored if all connections have been replaced since. */
  report(report: ServerHealthSignal): void
  /** Only the first of several statements sent at once was answered. */
  noPipelines(server: string): void
  /** Replaces the list. Servers that left it are no longer watched, but stay in the topology until `forget`. */
  setServers(servers: readonly Server[], isSame: (name: string) => boolean): void
  forget(server: string): void
  /** Stops for good, and settles everything that is waiting. */
  stop(): void
}

/** How often to check for servers that leave connections without an answer, while there is one in use. */
const TICK_MS = 100

export function createMonitor(options: MonitorOptions): Monitor {
  const { intervalMs, silentMs, boundSilentMs, random } = options
  let observed = options.initial
  let states = byName(observed.topology)
  let phase: 'waiting' | 'running' | 'stopped' = 'waiting'
  const reportProblems = createProblemReporter(options.onProblem)
  const writers = createWriterWaiters()
  const positions = createKnownPositions(tellersIn(observed.topology))
  const positionWatch = createPositionWatch({
    async ask(server, awaited) {
      const at = performance.now()
      const seen = await watches.get(server)?.position(awaited)
      if (seen !== undefined) positions.note(server, { ...seen, at, standby: true })
      return seen?.lsn
    },
  })
  const members = createMachinesBehindNames({
    onAppeared: (server) => void watches.get(server)?.ask(),
    onForgotten: positions.forgetMachine,
  })

  const others = createCrossPoolSharing({
    registry: processMachines(),
    positions,
    onNews: (server) => void watches.get(server)?.askNow(),
    onLack(server, machine, lack) {
      observed = withLack(observed, server, machine, lack)
      states = byName(observed.topology)
    },
  })

  const demotions = createDemotions()

  /** What was known belongs to another machine, or is of before a restart. A writer's name that moves takes its connections along. */
  const moved = (name: string, before: ServerState, answer: Observation): void => {
    positions.noteMove(name)
    const replaced = replacedPrimary(before, answer, members, name)
    const isMovedWriter = answer.role === 'primary' && !members.isBalanced(name)
    if (isMovedWriter || replaced !== undefined) watches.get(name)?.connections.retire(replaced)
  }

  const membersOf = (name: string): readonly MemberMachine[] =>
    members.isBalanced(name)
      ? members.of(name).map((member) => memberAt(member, positions.at(name, member.machine)))
      : []

  /**
   * A standby has answered, and the name leads to the primary, too. A primary becomes a standby only by a restart, which makes it another
   * machine: so the one that was heard is still one, unless it is gone, or a later timeline has replaced it.
   */
  const leadsToPrimary = (name: string, { role, machine, timeline }: Observation): boolean => {
    const state = states.get(name)
    if (state?.role !== 'primary' || role !== 'replica' || state.machine === undefined) return false
    if (state.machine === machine || (timeline ?? 0) > (state.timeline ?? 0)) return false
    if (watches.get(name)?.connections.leadsTo(state.machine) === true) return true
    const isMember = members.of(name).some((member) => member.machine === state.machine)
    return isMember && state.health === 'up' && members.isBalanced(name)
  }

  /** Nobody takes writes, or somebody waits who has found that out. */
  const isSearching = (): boolean => !hasWriter(observed.topology) || writers.size > 0

  const newWatch = (name: string): ServerWatch =>
    createServerWatch({
      name,
      supervised: options.supervise(name),
      intervalMs,
      silentMs,
      boundSilentMs,
      nextMs: () => {
        const { failures, role } = states.get(name) ?? UNHEARD
        const open = watches.get(name)?.connections.total ?? 0
        const used = role === 'primary' || open > 0 || options.isHome(name)
        return nextProbeMs({ intervalMs, servers: watches.size, used, failures, searching: isSearching() }, random)
      },
      mayHaveMoved: () => phase === 'running' && isSearching(),
      renewalMs: (now, renewals) => renewalMs(members, name, { now, renewals, intervalMs }),
      onAnswer(answer) {
        const { machine, dialledAt, role } = answer
        if (machine !== undefined) members.note(name, machine, dialledAt, performance.now(), role)
        if (leadsToPrimary(name, answer)) {
          notePosition(positions, name, answer)
          publish(withStandbysAnswer(observed, name, answer, membersOf(name)))
          return
        }
        demotions.heard(name, answer)
        const before = states.get(name)
        if (before !== undefined && hasMoved(before, answer)) moved(name, before, answer)
        notePosition(positions, name, answer)
        publish(withAnswer(observed, name, answer, membersOf(name)))
        // A primary that was replaced is still probed, but no connection stays open there.
        const state = states.get(name)
        const replaced = state?.role === 'primary' && whyInvalid(observed.topology, state) !== undefined
        if (replaced) watches.get(name)?.disconnect()
        if (phase === 'running' && watches.has(name)) others.heard(name, answer, state?.lacksSince)
      },
      onFailure(error, { sign }) {
        positions.noteLoss(name)
        fail(name, sign, error)
      },
      onSilence: () => watchClosely(),
    })
  const leaving = createLeavingWatches()
  const watches = new Map<string, ServerWatch>(observed.topology.servers.map(({ name }) => [name, newWatch(name)]))

  /** Listeners are called last, when the change has taken effect. */
  const publish = (next: Observed): void => {
    const before = observed.topology
    observed = next
    const were = states
    // Most answers change nothing but positions and times.
    const isAlike = areRoutedAlike(before, next.topology)
    const changed = isAlike ? changedIn(before, next.topology) : next.topology.servers
    if (isAlike) for (const state of changed) states.set(state.name, state)
    else {
      states = byName(next.topology)
      dropDemoted(before, were, next.topology)
      if (hasWriter(before) && !hasWriter(next.topology)) for (const watch of watches.values()) watch.reschedule()
    }
    writers.update(next.topology)
    reportProblems(next.topology, changed)
    if (isAlike) return
    tellPrimary(next.topology)
    if (!isChanged(before, next.topology)) return
    options.onChange(next.topology)
    if (isWorse(were, next.topology)) options.onTrouble()
  }

  const fail = (server: string, sign: Exclude<Sign, 'answered' | 'served' | 'removed'>, error: unknown): void => {
    // What is open there answers: it is in trouble, and not gone.
    const meant = sign !== 'lost' && watches.get(server)?.serving === true ? 'refused' : sign
    publish(withFailure(observed, server, meant, describeFailure(server, error), steadyNow()))
  }

  const served = (server: string, watch: ServerWatch): void => {
    const state = states.get(server)
    const wasDown = state?.health === 'down'
    // A primary that went down may have been replaced: what its connections answer does not tell, a probe does.
    if (wasDown && state.role === 'primary' && hasWriter(observed.topology)) return
    watch.served(wasDown)
    if (!wasDown) return
    publish(withService(observed, server, steadyNow()))
    void watch.askAnew()
  }

  /** Drops the connections to a former primary: what runs there would be lost, or written to an abandoned timeline. */
  const dropDemoted = (before: Topology, were: ReadonlyMap<string, ServerState>, after: Topology): void => {
    for (const server of after.servers) {
      const was = were.get(server.name)
      if (was?.role !== 'primary' || whyInvalid(before, was) !== undefined) continue
      if (server.role !== 'replica' && whyInvalid(after, server) === undefined) continue
      // Another machine of the name has answered, and the connections to the one that takes the writes are well.
      if (members.isBalanced(server.name)) continue
      positions.noteLoss(server.name)
      watches.get(server.name)?.connections.drop(demotions.of(server.name))
    }
  }

  /** Who took the writes last. */
  let writer = options.writer ?? writeOrder(observed.topology)[0]?.name
  const tellPrimary = (after: Topology): void => {
    const [now] = writeOrder(after)
    if (now === undefined || !hasWriter(after) || now.name === writer) return
    const before = writer
    writer = now.name
    options.onPrimary({ server: now.name, region: now.region, timeline: now.timeline, before })
  }

  // What the list itself shows to be wrong. Whoever has made the pool is listening by then.
  process.nextTick(() => reportProblems(observed.topology, observed.topology.servers))

  const ticker = createStallAwareTicker(TICK_MS, (now, listenedMs) =>
    [...watches.values(), leaving].map((each) => each.tick(now, listenedMs)).includes(true),
  )
  const watchClosely = (): void => {
    if (phase === 'running') ticker.start()
  }

  return {
    get topology() {
      return observed.topology
    },
    get trail() {
      return observed.trail
    },
    positions,
    members,
    roleOf(server, machine) {
      const { role, machine: latest } = states.get(server) ?? UNHEARD
      const isAsked = role !== 'unknown' && (latest === undefined || machine === latest)
      if (machine === undefined || isAsked) return role
      const known = positions.at(server, machine)
      if (known !== undefined) return roleOf(known)
      return members.of(server).find((member) => member.machine === machine)?.role ?? 'unknown'
    },
    stateOf: (server) => states.get(server),
    reached: positionWatch.reached,
    waitForWriter(since, withinMs, signal) {
      if (phase !== 'running') return Promise.resolve(false)
      const isFirst = writers.size === 0
      const found = writers.after(observed.topology, since, withinMs, signal)
      if (isFirst && writers.size > 0) for (const watch of watches.values()) watch.reschedule()
      return found
    },
    askNow: (server) => watches.get(server)?.askNow() ?? Promise.resolve(undefined),
    watchClosely,
    start() {
      if (phase !== 'waiting') return
      phase = 'running'
      watchClosely()
      for (const watch of watches.values()) watch.start()
    },
    async refresh() {
      await Promise.all([...watches.values()].map((watch) => watch.askAnew()))
      return observed.topology
    },
    report({ server, generation, sign, error }) {
      const watch = watches.get(server)
      // Without probes (before `start`, and with a single database) nothing would mark it as up again.
      if (watch === undefined || phase !== 'running') return
      // What was asked before may be answered as of before.
      if (sign === 'role') return void [...watches.values()].map((each) => each.askAnew())
      if (generation < watch.connections.generation) return
      if (sign === 'served') return served(server, watch)
      if (sign === 'lost') watch.doubt()
      if (isErrorResponse(error)) watch.heard()
      fail(server, sign, error)
      void watch.askAnew()
    },
    noPipelines(server) {
      if (phase !== 'stopped') publish(withoutPipelines(observed, server, steadyNow()))
    },
    setServers(servers, isSame) {
      if (phase === 'stopped') return
      const listed = new Set(servers.map(({ name }) => name))
      for (const [name, watch] of watches) {
        if (listed.has(name) && isSame(name)) continue
        leaving.add(watch)
        watches.delete(name)
        positionWatch.forget(name)
        positions.forget(name)
        members.forget(name)
        demotions.forget(name)
        others.leave(name)
        watchClosely()
      }
      const added = servers.flatMap(({ name }) => (watches.has(name) ? [] : [newWatch(name)]))
      for (const watch of added) watches.set(watch.name, watch)
      publish(withServers(observed, servers, isSame, steadyNow()))
      if (phase === 'running') for (const watch of added) watch.start()
    },
    forget(server) {
      if (phase !== 'stopped') publish(withoutServer(observed, server, steadyNow()))
    },
    stop() {
      phase = 'stopped'
      ticker.stop()
      for (const watch of watches.values()) watch.end()
      leaving.end()
      positionWatch.stop()
      others.stop()
      writers.stop()
    },
  }
}

const UNHEARD: Pick<ServerState, 'role' | 'machine' | 'failures'> = { role: 'unknown', machine: undefined, failures: 0 }

function notePosition(positions: KnownPositions, server: string, seen: Observation): void {
  const { role, machine, sentAt, rttMs, clockMs } = seen
  if (clockMs !== undefined) positions.noteClock(server, clockMs, sentAt, sentAt + rttMs)
  const position = observedPosition(seen)
  if (position === undefined) positions.noteRefusal(server)
  else positions.note(server, { ...position, machine, at: sentAt, standby: role === 'replica' })
}

function memberAt({ machine, role }: SeenMember, known: KnownPosition | undefined): MemberMachine {
  return {
    machine,
    role: known === undefined ? (role ?? 'unknown') : roleOf(known),
    lsn: known?.lsn,
    timeline: known?.timeline,
  }
}

function roleOf({ standby }: KnownPosition): Role {
  return standby ? 'replica' : 'primary'
}

function tellersIn({ servers }: Topology): string[] {
  return servers.flatMap(({ name, positions }) => (positions === 'full' ? [name] : []))
}
