import type pg from 'pg'
import type { MonitoredConnections } from '../monitor/monitored-server.ts'
import type { Role } from '../topology/topology.ts'
import type { Lease } from './lease.ts'
import type { Purpose } from './wait-queue.ts'

/** One server's connections: how they are made, had and given back stays behind this. */
export interface ServerConnections extends MonitoredConnections {
  readonly server: string
  /** Connections taken or waited for: the load that selection balances. */
  readonly inFlight: number
  readonly total: number
  readonly idle: number
  readonly waiting: number
  /** Passes on what `pg.Pool` would emit under this name, from now on. Errors are passed on always. */
  forward(event: string): void
  /** A connection that is idle, taken at once; `undefined`: there is none. */
  take(purpose: Purpose): Lease | undefined
  /** @throws `NoConnectionError` when none can be had, the signal's reason when it is aborted. */
  acquire(purpose: Purpose, signal: AbortSignal | undefined): Promise<Lease>
  /** Nothing more is lent. Resolves when all that was lent is back, and every socket is closed. */
  end(): Promise<void>
  /** Closes all now, whatever runs. */
  destroy(): void
}

export interface ServerConnectionsOptions {
  readonly server: { readonly name: string }
  readonly url: string
  readonly connectTimeoutMs: number
  /** Options of `pg.Pool` without those that name a server. */
  readonly pgOptions: pg.PoolConfig
  /** See {@link Lender.probedRole}. */
  readonly probedRole: () => Role
  /** Hears what `pg.Pool` would emit. */
  readonly onEvent: (event: string, ...args: unknown[]) => void
  /** A connection died that nobody here had closed. */
  readonly onLoss: () => void
  /** A connection could not be made. */
  readonly onDialFailed: (error: unknown, generation: number) => void
  /** A connection says that its server was promoted. */
  readonly onPromotion: () => void
  /** How many may wait for a connection. */
  readonly maxWaiting: number
  /** Whether what stands before the server takes several statements at once. */
  readonly pipelines: () => boolean
  /** It does not. */
  readonly onNoPipelines: () => void
}
