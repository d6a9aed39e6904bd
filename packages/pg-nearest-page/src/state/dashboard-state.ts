import type { Told } from './world-state.ts'

/** A server, as the pool's status has it. */
export interface PoolServer {
  readonly name: string
  readonly region: string | undefined
  readonly role: string
  readonly health: string
  readonly rttMs: number | undefined
  readonly lsn: string | undefined
  readonly lagBytes: number | undefined
  readonly stalenessMs: number | undefined
  readonly readFrom: boolean
  readonly writeTo: boolean
  readonly connections: { readonly total: number; readonly idle: number; readonly waiting: number }
}

/** What ran in a second. */
export interface Second {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly statements: number
  readonly failed: number
  readonly median: number | undefined
  readonly p99: number | undefined
}

export interface RegionLatency {
  readonly server: string
  readonly statements: number
  readonly median: number | undefined
  readonly p99: number | undefined
}

export interface DashboardState {
  /** Of this process. */
  readonly region: string | undefined
  readonly quiet: boolean
  readonly servers: readonly PoolServer[]
  /** What is wrong now, and what to do about it. */
  readonly problems: readonly string[]
  /** Statements since somebody began to look, by the reason of their route. */
  readonly reasons: Readonly<Record<string, number>>
  /** Of the last seconds, by the server that answered. */
  readonly latency: readonly RegionLatency[]
  readonly seconds: readonly Second[]
  /** Problems and promotions, whether somebody looked or not. */
  readonly told: readonly Told[]
}

export type DashboardEvent =
  | { readonly type: 'snapshot'; readonly state: DashboardState }
  | {
      readonly type: 'status'
      readonly status: Pick<DashboardState, 'region' | 'quiet' | 'servers' | 'problems'>
    }
  | {
      readonly type: 'second'
      readonly second: Second
      readonly reasons: DashboardState['reasons']
      readonly latency: readonly RegionLatency[]
    }
  | { readonly type: 'told'; readonly told: Told }
