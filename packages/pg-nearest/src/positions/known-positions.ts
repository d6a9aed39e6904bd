import { setRecent } from './recent-machines.ts'
import { createClusterTimelines, type ClusterTimelines } from './cluster-timelines.ts'

/** A machine's position when it was last seen. */
export interface KnownPosition {
  /** `undefined` if it does not tell which machine it is. */
  readonly machine: string | undefined
  readonly lsn: bigint
  readonly timeline: number | undefined
  /** When the question was sent that it last answered with its timeline, by `performance.now()`. */
  readonly timelineAt: number | undefined
  readonly systemIdentifier: string | undefined
  readonly standby: boolean
  /** When the question was sent, by `performance.now()`. */
  readonly at: number
}

/** How fast a server that is behind is catching up. */
export interface Pace {
  readonly sinceMs: number
  readonly bytes: bigint
}

/** A machine's answer about its position. */
export interface Seen {
  readonly machine: string | undefined
  readonly lsn: bigint
  readonly at: number
  readonly standby: boolean
  readonly timeline?: number | undefined
  readonly systemIdentifier?: string | undefined
}

/** From the first to the latest position at which the server was found to be behind. */
interface Stretch {
  readonly from: KnownPosition
  to: KnownPosition
}

/**
 * Whether a server may be asked for its position.
 *
 * - `yes`: it has told it, with its timeline and its cluster, now or before the pool was quiet.
 * - `no`: it was refused, or came without them, so that it proves nothing.
 * - `unknown`: it was not asked yet, so that the question may fail.
 */
export type Askable = 'yes' | 'no' | 'unknown'

/**
 * The latest known position of each machine behind each server's name, from probes and from the answers to statements. A name may lead to
 * several machines, and what one of them shows says nothing about the others.
 */
export interface KnownPositions {
  /** What was heard last, whichever machine it was. */
  of(server: string): KnownPosition | undefined
  /** What that machine has told. */
  at(server: string, machine: string): KnownPosition | undefined
  /** What each machine has told. */
  all(server: string): Iterable<KnownPosition>
  /** The same, raised by what other pools were told: good for a guess, and proves nothing. */
  likely(server: string): Iterable<KnownPosition>
  askable(server: string): Askable
  /** Its timeline and its cluster are not known. */
  isStranger(server: string): boolean
  /** It has refused to tell its position, or a part of it. */
  noteRefusal(server: string): void
  /** What its clock said between these two moments by `performance.now()`. */
  noteClock(server: string, clockMs: number, sentAt: number, answeredAt: number): void
  /** What its clock says at a moment by `performance.now()`, in milliseconds since the epoch; `undefined` if it was never asked. */
  clockOf(server: string, at: number): { readonly least: number; readonly most: number } | undefined
  /** Records an answer. Fields that it leaves out keep the machine's values. Answers older than the known one are ignored: see {@link isLate}. */
  note(server: string, seen: Seen): void
  /** Another pool was told this by a machine. Counts only in `likely`, while that machine is still what it has told here that it is. */
  raise(server: string, machine: string, seen: Raising): void
  /** `undefined` if nothing is known of the cluster. */
  timelinesOf(systemIdentifier: string): ClusterTimelines | undefined
  /** A machine was found to be behind, or not, at its current known position. Its pace is measured from this. */
  noteBehind(server: string, machine: string, behind: boolean): void
  /**
   * It was found behind so lately that asking again would be in vain, by `performance.now()`. Each time that it is found behind again this
   * is believed for as long as it has been so by then.
   */
  isFoundBehind(server: string, machine: string, now: number): boolean
  /** `undefined` until it has been found behind twice. */
  paceOf(server: string, machine: string): Pace | undefined
  /** A connection was lost. The server may have restarted, and a restarted standby may show less than before. */
  noteLoss(server: string): void
  /** What the machine told last as a primary, whatever it is called, and has become since. */
  asPrimary(machine: string): KnownPosition | undefined
  /** Its last known position when a connection to it was last lost. */
  beforeLoss(server: string): KnownPosition | undefined
  /** The name leads to another machine, or to the same one after a restart: what was heard last counts only as what was there before. */
  noteMove(server: string): void
  /** A machine was not seen for long. */
  forgetMachine(server: string, machine: string): void
  /** The name belongs to another server now, or to none. */
  forget(server: string): void
  /** Changes with each lost connection, and when the name goes to another server. Never repeats. */
  epochOf(server: string): number
}

/** How long a refusal is believed where no probe asks again: somebody may have granted what was missing. */
const REFUSED_FOR_MS = 300_000

/** How long it is believed of a machine that it is behind. */
const SHORTEST_BEHIND_MS = 10
const LONGEST_BEHIND_MS = 1_000

/** @param tellers - servers that are known to tell their positions. */
export function createKnownPositions(tellers: Iterable<string> = []): KnownPositions {
  const telling = new Set(tellers)
  const firstEpoch = nextEpoch()
  const refusedAt = new Map<string, number>()
  const clocks = new Map<string, { readonly clockMs: number; readonly sentAt: number; readonly answeredAt: number }>()
  const known = new Map<string, KnownPosition>()
  const machines = new Map<string, Map<string, KnownPosition>>()
  const raised = new Map<string, Map<string, KnownPosition>>()
  const stretches = new Map<string, Map<string, Stretch>>()
  const epochs = new Map<string, number>()
  const lastBeforeLoss = new Map<string, KnownPosition>()
  const asPrimary = new Map<string, KnownPosition>()
  const clusters = new Map<string, ClusterTimelines>()
  const updateLatest = (): void => {
    const latest = new Map<string, number>()
    for (const told of [known, ...machines.values()])
      for (const { systemIdentifier, timeline } of told.values())
        if (systemIdentifier !== undefined && timeline !== undefined)
          latest.set(systemIdentifier, Math.max(timeline, latest.get(systemIdentifier) ?? 0))
    for (const [systemIdentifier, timelines] of clusters) timelines.setLatestTold(latest.get(systemIdentifier) ?? 0)
  }
  const timelinesOf = (systemIdentifier: string): ClusterTimelines => {
    let timelines = clusters.get(systemIdentifier)
    if (timelines === undefined) clusters.set(systemIdentifier, (timelines = createClusterTimelines()))
    return timelines
  }
  const keepAsBeforeLoss = (server: string): void => {
    const last = known.get(server)
    if (last !== undefined) lastBeforeLoss.set(server, last)
  }
  const isStranger = (server: string): boolean => {
    const { systemIdentifier, timeline } = known.get(server) ?? {}
    return systemIdentifier === undefined || timeline === undefined
  }
  return {
    timelinesOf: (systemIdentifier) => clusters.get(systemIdentifier),
    of: (server) => known.get(server),
    at: (server, machine) => machines.get(server)?.get(machine),
    all: (server) => machines.get(server)?.values() ?? [],
    likely: (server) => raised.get(server)?.values() ?? [],
    askable(server) {
      const refused = refusedAt.get(server)
      if (refused !== undefined && performance.now() - refused < REFUSED_FOR_MS) return 'no'
      return isStranger(server) && !telling.has(server) ? 'unknown' : 'yes'
    },
    isStranger,
    noteClock(server, clockMs, sentAt, answeredAt) {
      clocks.set(server, { clockMs, sentAt, answeredAt })
    },
    clockOf(server, at) {
      const clock = clocks.get(server)
      if (clock === undefined) return undefined
      const { clockMs, sentAt, answeredAt } = clock
      return { least: clockMs + (at - answeredAt), most: clockMs + (at - sentAt) }
    },
    noteRefusal(server) {
      refusedAt.set(server, performance.now())
      telling.delete(server)
    },
    note(server, seen) {
      const { machine, lsn, at, standby, timeline } = seen
      const last = known.get(server)
      const by = mapOf(machines, server)
      const before = machine === undefined ? last : by.get(machine)
      if (isLate(seen, before)) return
      if (timeline !== undefined && seen.systemIdentifier !== undefined) refusedAt.delete(server)
      const systemIdentifier = seen.systemIdentifier ?? before?.systemIdentifier
      const now: KnownPosition = {
        machine,
        lsn,
        at,
        standby,
        timeline: timeline ?? before?.timeline,
        timelineAt: timeline === undefined ? before?.timelineAt : at,
        systemIdentifier,
      }
      if (machine !== undefined && !standby) setRecent(asPrimary, machine, now)
      if (systemIdentifier !== undefined) timelinesOf(systemIdentifier).note(seen, before)
      if (machine !== undefined) {
        by.set(machine, now)
        const guesses = mapOf(raised, server)
        guesses.set(machine, raisedBy(guesses.get(machine), now))
      }
      if (last === undefined || last === before || last.at <= at) known.set(server, now)
      if (now.timeline !== before?.timeline || systemIdentifier !== before?.systemIdentifier) updateLatest()
    },
    raise(server, machine, seen) {
      const guesses = raised.get(server)
      const guess = guesses?.get(machine)
      if (guess !== undefined) guesses?.set(machine, raisedBy(seen, guess))
    },
    noteBehind(server, machine, behind) {
      const its = mapOf(stretches, server)
      const now = machines.get(server)?.get(machine)
      if (!behind || now === undefined) return void its.delete(machine)
      const stretch = its.get(machine)
      if (stretch === undefined) its.set(machine, { from: now, to: now })
      else stretch.to = now
    },
    isFoundBehind(server, machine, now) {
      const stretch = stretches.get(server)?.get(machine)
      if (stretch === undefined) return false
      const { from, to } = stretch
      const believedMs = Math.min(LONGEST_BEHIND_MS, Math.max(SHORTEST_BEHIND_MS, to.at - from.at))
      return now - to.at < believedMs
    },
    paceOf(server, machine) {
      const stretch = stretches.get(server)?.get(machine)
      if (stretch === undefined || stretch.to === stretch.from) return undefined
      return { sinceMs: stretch.to.at - stretch.from.at, bytes: stretch.to.lsn - stretch.from.lsn }
    },
    noteLoss(server) {
      epochs.set(server, nextEpoch())
      keepAsBeforeLoss(server)
    },
    noteMove(server) {
      keepAsBeforeLoss(server)
      for (const each of [known, refusedAt, clocks, telling]) each.delete(server)
      updateLatest()
    },
    forgetMachine(server, machine) {
      machines.get(server)?.delete(machine)
      raised.get(server)?.delete(machine)
      stretches.get(server)?.delete(machine)
      updateLatest()
    },
    forget(server) {
      epochs.set(server, nextEpoch())
      for (const each of [known, machines, raised, stretches, lastBeforeLoss, refusedAt, clocks, telling])
        each.delete(server)
      updateLatest()
    },
    asPrimary: (machine) => asPrimary.get(machine),
    beforeLoss: (server) => lastBeforeLoss.get(server),
    epochOf: (server) => epochs.get(server) ?? firstEpoch,
  }
}

/** What is asked so much later than a primary's answer, and is then answered by a standby, is answered after a crash. */
const OVERTAKEN_MS = 10_000

/**
 * Whether something was told ahead of what is known. Recovery does not begin again but by a restart, of which a crash alone leaves the machine's
 * name as it is: what a machine tells as a standby comes first, whenever that was asked. Statements wait for those ahead of them on their
 * connection, and are then answered after what was asked later on another one.
 */
function isLate({ machine, standby, at }: Seen, before: KnownPosition | undefined): boolean {
  if (before === undefined) return false
  if (machine === undefined || standby === before.standby) return before.at > at
  return standby && at - before.at < OVERTAKEN_MS
}

type Raising = Pick<KnownPosition, 'lsn' | 'at' | 'standby' | 'timeline'>

/** Only by what is later and higher, and of a machine that was promoted neither before nor between. */
function raisedBy(seen: Raising | undefined, told: KnownPosition): KnownPosition {
  const isSame = seen?.standby === told.standby && seen.timeline === told.timeline
  return isSame && seen.at > told.at && seen.lsn > told.lsn ? { ...told, lsn: seen.lsn, at: seen.at } : told
}

function mapOf<T>(maps: Map<string, Map<string, T>>, server: string): Map<string, T> {
  let map = maps.get(server)
  if (map === undefined) maps.set(server, (map = new Map<string, T>()))
  return map
}

let latestEpoch = 0

/** Unique in this process, so that no session recognises its home after the pool was quiet. */
function nextEpoch(): number {
  return ++latestEpoch
}
