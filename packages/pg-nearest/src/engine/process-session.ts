import { setTimeout as sleep } from 'node:timers/promises'
import { ProcessSessionState } from '../session/process-session-state.ts'
import type { DrainCounter } from './drain-counter.ts'
import { moveMember, othersOf, type PeerMember, type PeerRegistry } from './peer-registry.ts'

/** What this process has written and seen outside of explicit sessions: one for all pools that lead to the same database. */
export interface ProcessSession {
  /**
   * `undefined` while there is one server, where nothing can be stale, no other is expected, and no other pool of the process leads to
   * its database.
   */
  readonly state: ProcessSessionState | undefined
  /** The list leads to these databases now, each on a server of its own. */
  lead(addresses: readonly string[]): void
  /** The pool has ended. */
  leave(): void
}

/** How long what was in flight with one server may go on unrecorded. */
const IN_FLIGHT_MS = 30_000

/** @param mayGrow - other servers are expected, so that a single one is no reason not to record. */
export function createProcessSession(
  mayGrow: boolean,
  addresses: readonly string[],
  inFlight: DrainCounter,
): ProcessSession {
  const state = new ProcessSessionState(() => performance.now())
  const registry = processPeers()
  let led: readonly string[] = []
  let records = mayGrow

  /** What was written until now is nowhere recorded, nor is what is in flight: the primary shows it. */
  const beginToRecord = async (): Promise<void> => {
    if (!inFlight.used) return
    const settle = state.beginUnsettled()
    await Promise.race([inFlight.over(), sleep(IN_FLIGHT_MS, undefined, { ref: false })])
    settle(performance.now())
  }
  const member: PeerMember = {
    peer: state.peer,
    get hasChoice() {
      return mayGrow || led.length > 1
    },
    onChange() {
      const others = othersOf(registry, member, led)
      const before = records
      records = member.hasChoice || others.some(({ hasChoice }) => hasChoice)
      state.usePeers(records ? others.map(({ peer }) => peer) : [], performance.now())
      if (records && !before) void beginToRecord()
    },
  }
  const lead = (next: readonly string[]): void => {
    const before = led
    led = next
    moveMember(registry, member, before, next)
  }
  lead(addresses)

  return {
    get state() {
      return records ? state : undefined
    },
    lead,
    leave: () => lead([]),
  }
}

/** Another number whenever the shape of what is shared changes: copies of both kinds then go on, each among themselves. */
const KEY = Symbol.for('pg-nearest.process-sessions.3')

/** Shared by all copies of this library in the process. */
function processPeers(): PeerRegistry {
  const holder = globalThis as { [KEY]?: unknown }
  const registry: PeerRegistry = new Map()
  holder[KEY] ??= registry
  return holder[KEY] instanceof Map ? (holder[KEY] as PeerRegistry) : registry
}
