import type pg from 'pg'
import type { MonitoredConnections } from '../server-watch/monitor-dependencies.ts'
import type { ClientLogin } from '../pg-client/standby-aware-client.ts'
import type { Role } from '../topology/topology-types.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import type { Preference } from '../checkout/connection-preference.ts'
import type { Purpose, Sharers, Wanted } from '../checkout/wait-queue.ts'
import type { OnEvent } from './pool-event-forwarder.ts'

/** The connections to one server. */
export interface ServerConnections extends MonitoredConnections {
  readonly server: string
  readonly waiting: number
  readonly sharers: Sharers
  /** Those in use that have reached `maxLifetimeSeconds`. */
  readonly expired: number
  /** Starts to pass on this event of `pg.Pool`. Errors are always passed on. */
  forward(event: string): void
  /** Takes an idle connection; `undefined` if there is none, or none that the caller would have. */
  take(purpose: Purpose, preference?: Preference): Lease | undefined
  /**
   * Waits for a connection. To be called when {@link take} has found none.
   *
   * @throws `NoConnectionError` when none can be had, the signal's reason when it is aborted, `SHARES` when the caller shares a connection
   * with others instead.
   */
  acquire(wanted: Wanted, signal: AbortSignal | undefined): Promise<Lease>
  /**
   * Whether one connection should be ready before anybody needs it, within `max`. To be called every second: that is how soon it is made, and
   * made again when it was taken. It is not among the counts, and no event tells of it, until it is taken.
   */
  keepSpare(isWanted: boolean): void
  /** There is room on a shared connection: lets those who wait and may share it. */
  share(hasRoom: () => boolean): void
  /** The server has left the list: refuses those who wait, as nothing of theirs was sent; what runs goes on to its end. */
  leave(): void
  /** Lends nothing more. Resolves when every connection has been returned and its socket is closed. */
  end(): Promise<void>
  /** Destroys all connections now. */
  destroy(): void
}

export interface ServerConnectionsOptions {
  readonly server: { readonly name: string }
  /** Asked at each new connection. */
  readonly login: () => ClientLogin & { readonly max: number | undefined }
  readonly connectTimeoutMs: number
  /** Options of `pg.Pool` without those that name a server. */
  readonly pgOptions: pg.PoolConfig
  /** See {@link Lender.probedRole}. */
  readonly probedRole: (machine: string | undefined) => Role
  /** See {@link Lender.probedPooled}. */
  readonly probedPooled: () => boolean
  /** Receives the events that `pg.Pool` would emit. */
  readonly onEvent: OnEvent
  /** Nothing was in use or waited for, and something is now. */
  readonly onBusy: () => void
  /** A connection died without having been closed here. */
  readonly onLoss: () => void
  /** A connection could not be made. */
  readonly onDialFailed: (error: unknown, generation: number) => void
  /** A connection says that its server was promoted. */
  readonly onPromotion: () => void
  /**
   * Milliseconds that callers wait for one of the open connections while the server refuses new ones: those that are open may be held
   * for ever, by a LISTEN say.
   */
  readonly refusedWaitMs: () => number
  /** How many callers may wait for a connection. */
  readonly maxWaiting: number
  /** Whether the server, or the pooler before it, takes several statements at once. */
  readonly pipelines: () => boolean
  /** It turned out not to. */
  readonly onNoPipelines: () => void
}
