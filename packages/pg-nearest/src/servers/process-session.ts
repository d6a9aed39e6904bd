import { setTimeout as sleep } from 'node:timers/promises'
import {
  joinProcess,
  mayShare,
  membersOf,
  processRegistry,
  readMember,
  type ProcessMember,
} from '../session-positions/process-registry.ts'
import { SessionState } from '../session/session-state.ts'
import type { DrainCounter } from './drain-counter.ts'

/** What this process has written and seen outside of explicit sessions: with this pool, and with others of its cluster. */
export interface ProcessSession {
  /** `undefined` while there is one server, where nothing can be stale, and nobody else is to see what is written. */
  readonly state: SessionState | undefined
  /** Another pool must see what is written on the primary: so its position is asked for, even where this pool reads. */
  readonly watched: boolean
  /** The list has changed to this many servers. */
  resize(servers: number): void
  /** The pool is ended: others are told of what it has written no more. */
  leave(): void
}

export interface ProcessSessionOptions {
  /** Other servers are expected, so that a single one is no reason not to record. */
  readonly mayGrow: boolean
  readonly servers: number
  readonly inFlight: DrainCounter
  /** The primary's, as far as it is known. */
  readonly cluster: () => string | undefined
  readonly isPrimary: (server: string) => boolean
}

/** How long what was in flight with one server may go on unrecorded. */
const IN_FLIGHT_MS = 30_000

export function createProcessSession(options: ProcessSessionOptions): ProcessSession {
  const { mayGrow, inFlight, cluster, isPrimary } = options
  const state = new SessionState()
  const registry = processRegistry()
  let several = mayGrow || options.servers > 1
  let records = several
  let watched = false
  let leave: (() => void) | undefined
  /** The latest that was taken over of what others have written at unknown positions. */
  let heardAt = Number.NEGATIVE_INFINITY

  /** What was written until now is nowhere recorded, nor is what is in flight: the primary shows it. */
  const beginToRecord = async (): Promise<void> => {
    if (!inFlight.used) return
    const settle = state.beginUnsettled()
    await Promise.race([inFlight.over(), sleep(IN_FLIGHT_MS, undefined, { ref: false })])
    settle(performance.now())
  }

  const others = (): readonly ProcessMember[] => {
    if (registry.size < 2) return []
    const own = cluster()
    return membersOf(registry).filter((each) => each !== member && mayShare(own, each.cluster))
  }

  const record = (): void => {
    const before = records
    watched = others().some((other) => other.several)
    records = several || watched
    if (records && !before) void beginToRecord()
  }

  const unknownAt = (): number | undefined => {
    const { home, homeUsedAt } = state
    const at = state.unknownAt(performance.now())
    // What was written there before anybody asked for positions.
    return home !== undefined && isPrimary(home.server) ? Math.max(homeUsedAt, at ?? 0) : at
  }

  const member: ProcessMember = {
    get cluster() {
      return cluster()
    },
    get several() {
      return several
    },
    get bookmark() {
      record()
      return state.bookmark
    },
    get unknownAt() {
      record()
      return unknownAt()
    },
  }

  const take = (other: ProcessMember): void => {
    const { bookmark, unknownAt: at = Number.NEGATIVE_INFINITY } = other
    if (bookmark !== undefined && bookmark.systemIdentifier === cluster()) state.show(bookmark)
    const unplaced = bookmark !== undefined && cluster() === undefined ? performance.now() : at
    if (unplaced <= heardAt) return
    heardAt = unplaced
    state.markUnknown(unplaced)
  }

  return {
    get state() {
      leave ??= joinProcess(registry, member)
      if (registry.size < 2 && records === several) return records ? state : undefined
      record()
      if (several) for (const other of others()) take(readMember(other))
      return records ? state : undefined
    },
    get watched() {
      return watched && registry.size > 1
    },
    resize(next) {
      several = mayGrow || next > 1
      record()
    },
    leave() {
      leave?.()
    },
  }
}
