import { setTimeout as sleep } from 'node:timers/promises'
import { SessionState } from '../session/session-state.ts'
import type { DrainCounter } from './drain-counter.ts'

/** What this process has written and seen outside of explicit sessions. */
export interface ProcessSession {
  /** `undefined` while there is one server, where nothing can be stale, and no other is expected. */
  readonly state: SessionState | undefined
  /** The list has changed to this many servers. */
  resize(servers: number): void
}

/** How long what was in flight with one server may go on unrecorded. */
const IN_FLIGHT_MS = 30_000

/** @param mayGrow - other servers are expected, so that a single one is no reason not to record. */
export function createProcessSession(mayGrow: boolean, servers: number, inFlight: DrainCounter): ProcessSession {
  const state = new SessionState()
  let records = mayGrow || servers > 1

  /** What was written until now is nowhere recorded, nor is what is in flight: the primary shows it. */
  const beginToRecord = async (): Promise<void> => {
    if (!inFlight.used) return
    const settle = state.beginUnsettled()
    await Promise.race([inFlight.over(), sleep(IN_FLIGHT_MS, undefined, { ref: false })])
    settle(performance.now())
  }

  return {
    get state() {
      return records ? state : undefined
    },
    resize(next) {
      const before = records
      records = mayGrow || next > 1
      if (records && !before) void beginToRecord()
    },
  }
}
