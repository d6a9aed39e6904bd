import type pg from 'pg'
import type { Role } from '../topology/topology.ts'
import type { Exchange } from '../wire/exchange.ts'
import type { TransactionStatus } from '../wire/pipeline.ts'
import { isStandby } from '../pg-client/standby-aware-client.ts'
import type { Connection } from './connection.ts'

/** What a lease needs from its server's connections. */
export interface Lender {
  readonly server: string
  /** The role by the last probe. A connection that has been idle since a promotion still reports the old one. */
  probedRole(): Role
  /** Takes the connection back. With an error, or `true`, it is closed. */
  takeBack(connection: Connection, error: Error | boolean | undefined): void
  /** Only the first of several statements that were sent at once was answered: stops pipelining to this server. */
  disablePipelining(): void
}

/** The right to use a connection until `release`. */
export class Lease {
  readonly #connection: Connection
  readonly #lender: Lender
  #released = false

  constructor(connection: Connection, lender: Lender) {
    this.#connection = connection
    this.#lender = lender
  }

  get server(): string {
    return this.#lender.server
  }

  get client(): pg.PoolClient {
    return this.#connection.client as pg.PoolClient
  }

  /** Failures of one generation of a server's connections say nothing about later ones. */
  get generation(): number {
    return this.#connection.generation
  }

  /** Whether its server is in recovery, by the connection's own report, otherwise by the last probe. */
  get standby(): boolean {
    const said = isStandby(this.#connection.client)
    const role = this.#lender.probedRole()
    return said === undefined ? role === 'replica' : said && role !== 'primary'
  }

  /** Whether the connection itself has reported that its server is in recovery, so that it cannot write. */
  get provenStandby(): boolean {
    return isStandby(this.#connection.client) === true && this.#lender.probedRole() !== 'primary'
  }

  get alive(): boolean {
    return this.#connection.alive
  }

  /** When the connection was made, by `performance.now()`. Its server has not restarted since. */
  get connectedAt(): number {
    return this.#connection.since
  }

  /** Several statements may be sent before the first is answered. */
  get pipelines(): boolean {
    return this.#connection.pipeline.together
  }

  /** Nothing is in flight. */
  get quiet(): boolean {
    return this.#connection.quiet
  }

  /** A cursor, a stream or a COPY is using it. */
  get occupied(): boolean {
    return this.#connection.pipeline.exclusive
  }

  /** As of the last ReadyForQuery. */
  get status(): TransactionStatus {
    return this.#connection.pipeline.status
  }

  /** Whether what runs on it can run on another server, so that it is given up early when this one is silent. */
  set movable(movable: boolean) {
    this.#connection.movable = movable
  }

  send(...exchanges: Exchange[]): void {
    this.#connection.pipeline.send(...exchanges)
  }

  /** Pending during a cancellation: resolves when that cannot hit the next statement any more. */
  get fence(): Promise<void> | undefined {
    return this.#connection.fence
  }

  /** See {@link Connection.cancel}. */
  cancel(): Promise<void> {
    return this.#released ? Promise.resolve() : this.#connection.cancel()
  }

  /** Makes the connection close on release, because something is wrong with the connection itself. */
  doom(): void {
    if (!this.#released) this.#connection.doom()
  }

  /** Destroys its socket now. It must still be released. */
  kill(cause: unknown): void {
    if (!this.#released) this.#connection.kill(cause)
  }

  disablePipelining(): void {
    this.#lender.disablePipelining()
    this.kill(new Error('Connection terminated'))
  }

  /** Returns the connection. Calling it again does nothing. */
  release(error?: Error | boolean): void {
    if (this.#released) return
    this.#released = true
    this.#lender.takeBack(this.#connection, error)
  }
}
