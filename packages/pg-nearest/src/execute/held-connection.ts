import type pg from 'pg'
import type { Lease } from '../monitor/server-connections.ts'
import { abandonable } from './abandonable.ts'
import { BehindError } from './behind-error.ts'
import { isFatal } from './fatal.ts'

/** Hears which connection a client holds, so that its events can be passed on. */
export type OnHold = (client: pg.PoolClient, held: boolean) => void

/** The one connection that a borrowed client holds, or none. */
export class HeldConnection {
  readonly #borrow: (server: string) => Promise<Lease>
  readonly #onHold: OnHold
  #lease: Lease | undefined

  constructor(borrow: (server: string) => Promise<Lease>, onHold: OnHold) {
    this.#borrow = borrow
    this.#onHold = onHold
  }

  get lease(): Lease | undefined {
    return this.#lease
  }

  /** For those who know that there is one. */
  get here(): Lease {
    if (this.#lease === undefined) throw new Error('A pinned client holds a connection')
    return this.#lease
  }

  /** The server says that a transaction is open, failed or not. */
  get open(): boolean {
    return (this.#lease?.client.getTransactionStatus() ?? 'I') !== 'I'
  }

  /** A connection to this server: the one that is held, or another in its place. */
  async take(server: string, signal: AbortSignal | undefined): Promise<Lease> {
    if (this.#lease?.server === server) return this.#lease
    this.letGo()
    const borrow = (): Promise<Lease> => this.#borrow(server)
    const lease = await (signal === undefined ? borrow() : abandonable(borrow, signal))
    this.#lease = lease
    this.#onHold(lease.client, true)
    return lease
  }

  /** What a server that is behind has begun is ended there, before it begins elsewhere. */
  async unlessBehind<T>(sent: Promise<T>): Promise<T> {
    try {
      return await sent
    } catch (error) {
      if (error instanceof BehindError && this.open) await this.rollBack()
      throw error
    }
  }

  /** Ends the transaction, or else the connection. */
  async rollBack(): Promise<void> {
    await this.#lease?.client.query('ROLLBACK').catch(() => this.letGo(true))
  }

  letGoIfDead(lease: Lease, error: unknown): void {
    if (isFatal(lease, error)) this.letGo(true)
  }

  letGo(error?: Error | boolean): void {
    const lease = this.#lease
    if (lease === undefined) return
    this.#lease = undefined
    this.#onHold(lease.client, false)
    lease.release(error)
  }
}
