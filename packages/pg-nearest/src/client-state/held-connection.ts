import type pg from 'pg'
import type { Lease } from '../pooled-connection/lease.ts'
import { lastSuiting, type Preference } from '../checkout/preference.ts'
import type { Purpose } from '../checkout/wait-queue.ts'
import { misledBy } from '../freshness/machine-preference.ts'
import type { Evidence } from '../route/failure-meaning.ts'
import { lostTransactionError } from '../failures/transaction-lost-errors.ts'
import { RememberedSettings } from './remembered-settings.ts'
import { StatementExchange } from '../exchange/statement-exchange.ts'

/** Whose connection it is. */
export interface Holder {
  /** Called when a client takes or returns a connection, so that the connection's events can be passed on. */
  onHold(client: pg.PoolClient, held: boolean): void
  /** Whether somebody waits for what a connection of its own would tell. */
  listens(): boolean
}

/** How a read comes to share a connection with others, instead of holding one. Each returns whether it does. */
export interface Boarding {
  /** @param crowded - as of `Lanes.join`. */
  join(crowded: boolean): boolean
  joinNext(): boolean
  open(lease: Lease): boolean
}

/** `undefined`: it shares one. */
export type Acquire = (
  server: string,
  purpose: Purpose,
  signal: AbortSignal | undefined,
  preference: () => Preference | undefined,
  mayMove: boolean,
  boarding: Boarding | undefined,
) => Promise<Lease | undefined>

/** It undoes nothing by itself, so it takes a round trip; a server that does not answer may be gone. */
const ROLLBACK_MS = 5_000

/** The one connection that a borrowed client holds, or none. */
export class HeldConnection {
  readonly #acquire: Acquire
  readonly #holder: Holder
  #settings: RememberedSettings | undefined
  #lease: Lease | undefined
  #lastServer: string | undefined

  constructor(acquire: Acquire, holder: Holder) {
    this.#acquire = acquire
    this.#holder = holder
  }

  get lease(): Lease | undefined {
    return this.#lease
  }

  /** None is held, and none is missed: nothing is set, and nobody listens to it. */
  get isNeedless(): boolean {
    return this.#lease === undefined && this.#settings?.areNone !== false && !this.#holder.listens()
  }

  /** What its client has set, if it has set anything yet. */
  get settings(): RememberedSettings | undefined {
    return this.#settings
  }

  /** To be called ahead of a SET or RESET whose setting goes with the client. */
  beginSetting(lease: Lease, name: string): void {
    this.#settings ??= new RememberedSettings()
    this.#settings.keepBefore(lease, name)
  }

  /** The server that a connection was last requested for. */
  get lastServer(): string | undefined {
    return this.#lastServer
  }

  /** @throws `NearestError` if no connection is held any more. */
  get here(): Lease {
    if (this.#lease === undefined) throw lostTransactionError()
    return this.#lease
  }

  /** A transaction is open, failed or not. */
  get open(): boolean {
    return (this.#lease?.status ?? 'I') !== 'I'
  }

  /**
   * Holds a connection to this server: the present one if it leads there, otherwise a new one in its place.
   *
   * @param mayMove - another server can be asked instead, if this one does not accept a connection.
   * @param boarding - if there is no present one, this is tried. Resolves with `undefined` if it succeeds; then no connection is held.
   */
  async take(
    server: string,
    signal: AbortSignal | undefined,
    preference: () => Preference | undefined,
    mayMove: boolean,
    boarding?: Boarding,
  ): Promise<Lease | undefined> {
    const present = this.#lease
    const stays = present?.server === server && present.alive && !present.spent
    if (stays && lastSuiting([present], preference()) !== undefined) return present
    this.letGo()
    this.#lastServer = server
    const lease = await this.#acquire(server, 'client', signal, preference, mayMove, boarding)
    if (lease === undefined) return undefined
    this.#lease = lease
    this.#holder.onHold(lease.client, true)
    return lease
  }

  /** Rolls back, or closes the connection if that fails or takes longer than {@link ROLLBACK_MS}. */
  async rollBack(): Promise<void> {
    const lease = this.#lease
    if (lease === undefined) return
    await lease.fence
    const late = setTimeout(() => lease.kill(new Error('Connection terminated')), ROLLBACK_MS)
    const ended = await new Promise<boolean>((resolve) => {
      lease.send(new StatementExchange({ text: 'ROLLBACK' }, lease.client, ({ kind }) => resolve(kind === 'result')))
    })
    clearTimeout(late)
    if (!ended) this.letGo(true)
  }

  letGo(error?: Error | boolean): void {
    const lease = this.#forget()
    if (lease !== undefined) this.#giveBack(lease, error)
  }

  /** It leads to a standby, where only a primary will do. */
  letGoMisled(): Evidence {
    const lease = this.here
    this.#forget()
    return misledBy(lease, (error) => this.#giveBack(lease, error))
  }

  #giveBack(lease: Lease, error: Error | boolean | undefined): void {
    if (this.#settings === undefined) lease.release(error)
    else this.#settings.release(lease, error)
  }

  #forget(): Lease | undefined {
    const lease = this.#lease
    if (lease === undefined) return undefined
    this.#lease = undefined
    this.#holder.onHold(lease.client, false)
    return lease
  }
}
