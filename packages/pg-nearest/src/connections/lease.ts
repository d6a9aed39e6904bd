import type pg from 'pg'
import type { Role } from '../topology/topology.ts'
import type { Exchange } from '../wire/exchange.ts'
import type { TransactionStatus } from '../wire/pipeline.ts'
import { isStandby } from '../wire/server-client.ts'
import type { Connection } from './connection.ts'

/** What a lease needs of the server's connections. */
export interface Lender {
  readonly server: string
  /** The role last probed: the word of a connection that has heard nothing since a promotion is old. */
  probedRole(): Role
  /** Takes it back. With an error, or `true`, it is closed instead of kept. */
  takeBack(connection: Connection, error: Error | boolean | undefined): void
  /** The first of what was sent at once was answered, and the rest is not: no more is sent so to this server. */
  refusePipelining(): void
}

/** A connection that is ours until it is released. Once released, this says nothing and does nothing any more. */
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

  /** Which of the server's connections it belongs to: evidence from it says nothing of later ones. */
  get generation(): number {
    return this.#connection.generation
  }

  /** Whether its server is in recovery: by the connection's own word, else by the role last probed. */
  get standby(): boolean {
    const said = isStandby(this.#connection.client)
    const role = this.#lender.probedRole()
    return said === undefined ? role === 'replica' : said && role !== 'primary'
  }

  /** Whether this connection itself has said so: proof enough that it cannot write. */
  get provenStandby(): boolean {
    return isStandby(this.#connection.client) === true && this.#lender.probedRole() !== 'primary'
  }

  get alive(): boolean {
    return this.#connection.alive
  }

  /** When the connection was made, by `performance.now()`: its server has not begun anew since. */
  get connectedAt(): number {
    return this.#connection.since
  }

  /** Several statements may be sent at once. */
  get pipelines(): boolean {
    return this.#connection.pipeline.together
  }

  /** Everything that was sent is answered. */
  get quiet(): boolean {
    return this.#connection.quiet
  }

  /** By something that keeps a portal open, or copies. */
  get occupied(): boolean {
    return this.#connection.pipeline.exclusive
  }

  /** As of the last ReadyForQuery. */
  get status(): TransactionStatus {
    return this.#connection.pipeline.status
  }

  /** Whether what runs on it can run elsewhere instead, should its server fall silent. */
  set movable(movable: boolean) {
    this.#connection.movable = movable
  }

  send(...exchanges: Exchange[]): void {
    this.#connection.pipeline.send(...exchanges)
  }

  /** While what was in flight is being cancelled: resolves when nothing of it can hit what is sent next. */
  get fence(): Promise<void> | undefined {
    return this.#connection.fence
  }

  /** See {@link Connection.cancel}. */
  cancel(): Promise<void> {
    return this.#released ? Promise.resolve() : this.#connection.cancel()
  }

  /** Something is wrong with the connection itself: it is closed when it is released. */
  doom(): void {
    if (!this.#released) this.#connection.doom()
  }

  /** Closes its socket now, whatever runs on it. It must still be released. */
  kill(cause: unknown): void {
    if (!this.#released) this.#connection.kill(cause)
  }

  refusePipelining(): void {
    this.#lender.refusePipelining()
    this.kill(new Error('Connection terminated'))
  }

  /** Gives it back; once more does nothing. */
  release(error?: Error | boolean): void {
    if (this.#released) return
    this.#released = true
    this.#lender.takeBack(this.#connection, error)
  }
}
