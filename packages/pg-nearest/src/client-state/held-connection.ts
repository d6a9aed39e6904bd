import type pg from 'pg'
import type { Lease } from '../pooled-connection/lease.ts'
import { lastSuiting, type Preference } from '../checkout/connection-preference.ts'
import { misledBy } from '../freshness/backend-preference.ts'
import type { Evidence } from '../route/failure-meaning.ts'
import { lostTransactionError } from '../failures/transaction-errors.ts'
import { RememberedSettings } from '../client-settings/remembered-settings.ts'
import { fenceOf, LentHeldConnection } from '../lane-rides/lent-held-connection.ts'
import { StatementExchange } from '../exchange/statement-exchange.ts'
import { runWithinAsync, type RunLimits } from '../send/run-with-cancellation.ts'
import type { Refusable } from '../limits/refusable.ts'
import type { StatementEnd } from '../wire/exchange.ts'

/** Whose connection it is. */
export interface Holder {
  /** Called when a client takes or returns a connection, so that the connection's events can be passed on. */
  onHold(client: pg.PoolClient, held: boolean): void
  /** Whether somebody waits for what a connection of its own would tell. */
  listens(): boolean
  /** Whether what it was lent is gone, and was given what no other connection has. */
  misses(held: Lease | undefined): boolean
  /** Called when the client is lost until its release. */
  onLoss(error: unknown): void
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
  signal: AbortSignal | undefined,
  preference: () => Preference | undefined,
  mayMove: boolean,
  boarding: Boarding | undefined,
) => Promise<Lease | undefined>

/** How a client comes to hold a connection. */
export interface Acquisition {
  readonly acquire: Acquire
  /** Called when it has to wait, for a connection or for a server, with what ends that. */
  readonly onWait: (waiter: Refusable) => void
}

/** It undoes nothing by itself, so it takes a round trip; a server that does not answer may be gone. */
const ROLLBACK_MS = 5_000
const UNLIMITED = (): RunLimits => ({ signal: undefined, timeoutMs: undefined })

/** The one connection that a borrowed client holds, or none. */
export class HeldConnection {
  readonly #acquisition: Acquisition
  readonly #holder: Holder
  #settings: RememberedSettings | undefined
  #lease: Lease | undefined
  /** Of that one. */
  #shared: LentHeldConnection | undefined
  #lastServer: string | undefined
  #stays = false

  constructor(acquisition: Acquisition, holder: Holder) {
    this.#acquisition = acquisition
    this.#holder = holder
  }

  get lease(): Lease | undefined {
    return this.#lease
  }

  /** See {@link Acquisition.onWait}. */
  get onWait(): Acquisition['onWait'] {
    return this.#acquisition.onWait
  }

  /** None is needed: nothing is set, no transaction is open, nothing has run there that may have left a trace, and nobody listens to it. */
  get isNeedless(): boolean {
    return !this.open && this.#lease?.isMarked !== true && this.#settings?.areNone !== false && !this.#holder.listens()
  }

  /** See {@link Holder.misses}. */
  get isMissed(): boolean {
    return this.#holder.misses(this.#lease)
  }

  /** See {@link Holder.onLoss}. */
  tellLoss(error: unknown): void {
    this.#holder.onLoss(error)
  }

  /** The reads of others are on the one that is held. */
  get isShared(): boolean {
    return this.#shared?.isOver === false
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

  /** What it holds is left only when it dies, though its time may be over: its client was lent as such, with all that anybody has set on it. */
  stay(): void {
    this.#stays = true
  }

  /** Somebody else's answer is waited for, by nobody who holds a connection and need not. */
  letGoToWait(): void {
    if (!this.open && !this.#stays) this.letGo()
  }

  /** The server that a connection was last requested for. */
  get lastServer(): string | undefined {
    return this.#lastServer
  }

  /**
   * For what runs there alone.
   *
   * @throws `NearestError` if no connection is held any more.
   */
  get here(): Lease {
    if (this.#lease === undefined) throw lostTransactionError()
    if (this.isShared) throw new Error('The reads of others are on this connection: a bug in pg-nearest')
    return this.#lease
  }

  /** Nobody else's reads are on it any more, nor a cancellation that could hit what runs there next. */
  async takeBack(signal: AbortSignal | undefined): Promise<void> {
    if (this.isShared) return this.#shared?.takeBack(signal)
    if (this.#lease?.fence !== undefined) await fenceOf(this.#lease, signal)
  }

  /** A transaction is open, failed or not. */
  get open(): boolean {
    return (this.#lease?.status ?? 'I') !== 'I'
  }

  /**
   * Holds a connection to this server: the present one if it leads there, otherwise a new one in its place.
   *
   * @param mayMove - another server can be asked instead, if this one does not accept a connection.
   * @param boarding - this is tried, and what is held is lent on by it. Resolves with `undefined` if it succeeds.
   */
  async take(
    server: string,
    signal: AbortSignal | undefined,
    preference: () => Preference | undefined,
    mayMove: boolean,
    boarding?: Boarding,
  ): Promise<Lease | undefined> {
    for (let present; (present = this.#present(server, preference)) !== undefined;) {
      if (boarding?.join(false) === true) return undefined
      // The reads that were on it may have been cancelled when they were over.
      const isFree = !this.isShared && present.fence === undefined
      if (isFree) return boarding !== undefined && this.#share(present, boarding) ? undefined : present
      // oxlint-disable-next-line no-await-in-loop -- it may have died when the others are over
      await this.takeBack(signal)
    }
    this.letGo()
    this.#lastServer = server
    const lease = await this.#acquisition.acquire(server, signal, preference, mayMove, boarding)
    if (lease === undefined) return undefined
    this.#lease = lease
    this.#holder.onHold(lease.client, true)
    return lease
  }

  /** What is held, if it leads to this server, where it should. */
  #present(server: string, preference: () => Preference | undefined): Lease | undefined {
    const present = this.#lease
    if (present?.server !== server || !present.alive) return undefined
    if (this.#stays ? present.givenUp : present.spent) return undefined
    return lastSuiting([present], preference())
  }

  #share(present: Lease, boarding: Boarding): boolean {
    const shared = new LentHeldConnection(present)
    const isShared = boarding.open(shared.lent)
    if (isShared) this.#shared = shared
    return isShared
  }

  /**
   * Rolls back, or closes the connection if that fails, or takes longer than {@link ROLLBACK_MS} or than the limits of the moment in which it
   * is sent.
   *
   * @throws the signal's reason, if a cancellation is waited for before.
   */
  async rollBack(limits: () => RunLimits = UNLIMITED): Promise<void> {
    const lease = this.#lease
    if (lease === undefined) return
    await fenceOf(lease, limits().signal)
    const late = setTimeout(() => lease.kill(new Error('Connection terminated')), ROLLBACK_MS)
    const send = (onEnd: (end: StatementEnd) => void): void =>
      lease.send(new StatementExchange({ text: 'ROLLBACK' }, lease.client, onEnd))
    const { kind } = await runWithinAsync<StatementEnd>(lease, limits(), send, undefined)
    clearTimeout(late)
    if (kind !== 'result') this.letGo(true)
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
    const [shared, settings] = [this.#shared, this.#settings]
    this.#shared = undefined
    const giveBack = (): void => (settings === undefined ? lease.release(error) : settings.release(lease, error))
    if (shared?.isOver === false) void shared.takeBack(undefined).then(giveBack)
    else giveBack()
  }

  #forget(): Lease | undefined {
    const lease = this.#lease
    if (lease === undefined) return undefined
    this.#lease = undefined
    this.#holder.onHold(lease.client, false)
    return lease
  }
}
