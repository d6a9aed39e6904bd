import type pg from 'pg'
import { isInRecovery, provesRecovery } from '../topology/reported-recovery.ts'
import type { Role } from '../topology/topology-types.ts'
import type { Exchange } from '../wire/exchange.ts'
import type { TransactionStatus } from '../wire/pipeline.ts'
import { isPooled } from '../pg-client/pooled-backend.ts'
import { hasOwnTypes } from '../pg-client/lent-client-delegation.ts'
import { isStandby } from '../pg-client/standby-aware-client.ts'
import { startStallAwareTimer, type StallAwareTimer } from '../limits/stall-aware-timeout.ts'
import type { Connection } from './connection.ts'

const SWALLOWED_MS = 2_000

/** What a lease needs from its server's connections. */
export interface Lender {
  readonly server: string
  /** How often a connection may be used. */
  readonly maxUses: number
  /**
   * The role by the last probe. A connection that has been idle since a promotion still reports the old one.
   *
   * @param machine - `undefined`: of the machine that the last probe led to.
   */
  probedRole(machine: string | undefined): Role
  probedPooled(): boolean
  /** It will not be lent again: its server has left the list, or is another one under that name, or its time is over. */
  isSpent(connection: Connection): boolean
  /** Its server is not the same any more, or is not used any more: nobody stays there. */
  isGivenUp(connection: Connection): boolean
  /** Takes the connection back. With an error, or `true`, it is closed. */
  takeBack(connection: Connection, error: Error | boolean | undefined): void
  /** Only the first of several statements that were sent at once was answered: stops pipelining to this server. */
  disablePipelining(): void
  /** Somebody who holds the connection, and has lent it on. */
  readonly holder?: LeaseHolder
}

/** Somebody who lets others use what he holds. */
export interface LeaseHolder {
  /** Since when he waits for it himself; by `performance.now()`. */
  readonly wantedSince: number | undefined
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

  /** Whoever holds it, and has lent it on. */
  get holder(): LeaseHolder | undefined {
    return this.#lender.holder
  }

  /** Whoever is free should rather take another connection. */
  get spent(): boolean {
    return this.#lender.isSpent(this.#connection)
  }

  get givenUp(): boolean {
    return this.#lender.isGivenUp(this.#connection)
  }

  /** How often it may be used, this time included. */
  get usesLeft(): number {
    return this.#lender.maxUses - this.#connection.uses
  }

  /** It was used so often this time. */
  countUses(count: number): void {
    // Its return counts as one; what somebody else holds is his use.
    if (!this.#released && this.holder === undefined) this.#connection.uses += count - 1
  }

  /** Failures of one generation of a server's connections say nothing about later ones. */
  get generation(): number {
    return this.#connection.generation
  }

  /** Whether its server is in recovery, by the connection's own report, otherwise by the last probe: what it shows may be behind. */
  get standby(): boolean {
    const { client, introduced, machine } = this.#connection
    return isInRecovery(isStandby(client), introduced, this.#mayBePooled, this.#lender.probedRole(machine))
  }

  get provenStandby(): boolean {
    const { client, machine } = this.#connection
    return provesRecovery(isStandby(client), this.#mayBePooled, machine, this.#lender)
  }

  get #mayBePooled(): boolean {
    return !(this.#connection.direct ?? !this.#lender.probedPooled())
  }

  /** Its server has been in recovery ever since the connection was made, for recovery never begins again: nothing was committed on it. */
  get committedNothing(): boolean {
    const { client, introduced, pooled } = this.#connection
    return introduced && !pooled && isStandby(client) === true
  }

  /** The machine that it leads to, if that has told. */
  get machine(): string | undefined {
    return this.#connection.machine
  }

  /** The same for all connections to one machine. As long as that is not known, it is like no other connection's. */
  get identity(): string {
    const { machine, id } = this.#connection
    return machine ?? id
  }

  /** The server was asked which machine it is. */
  get introduced(): boolean {
    return this.#connection.introduced
  }

  /** Each transaction on it may run on another machine. */
  get pooled(): boolean {
    return this.#connection.pooled
  }

  /**
   * The server has told which machine it is; `undefined`: it does not tell.
   *
   * @param backend - the process that has answered.
   */
  introduce(machine: string | undefined, backend: number | undefined): void {
    const connection = this.#connection
    connection.introduced = true
    if (backend !== undefined) this.noteBackend(backend)
    connection.pooled = connection.direct === false
    if (machine !== undefined && !connection.pooled) connection.machine = machine
  }

  /** Whether no pooler is in between. `undefined`: nobody has asked yet which process answers. */
  get direct(): boolean | undefined {
    return this.#connection.direct
  }

  /** @param backend - the process that has answered; `undefined`: the server does not tell, so that it may be any. */
  noteBackend(backend: number | undefined): void {
    const connection = this.#connection
    connection.direct = backend !== undefined && !isPooled(connection.client, backend)
  }

  get alive(): boolean {
    return this.#connection.alive
  }

  /** When the connection was made, by `performance.now()`. Its server has not restarted since. */
  get connectedAt(): number {
    return this.#connection.since
  }

  /** By `performance.now()`. */
  get dialledAt(): number {
    return this.#connection.dialledAt
  }

  /** Several statements may be sent before the first is answered. */
  get pipelines(): boolean {
    return this.#connection.pipeline.together
  }

  /**
   * Something may be sent behind what is unanswered: never while that is being cancelled, because the cancellation may arrive when it has
   * ended, and hits what runs then.
   */
  get mayFollow(): boolean {
    return this.pipelines && this.fence === undefined
  }

  /** Exchanges that read their answers by themselves can be sent now: not before the first answer. */
  get readable(): boolean {
    return this.#connection.pipeline.readable
  }

  /** Nothing is in flight. */
  get quiet(): boolean {
    return this.#connection.quiet
  }

  /** A cursor, a stream or a COPY is using it. */
  get occupied(): boolean {
    return this.#connection.pipeline.head?.exclusive === true
  }

  /** Of what is using it. */
  get progress(): Exchange['progress'] {
    return this.#connection.pipeline.head?.progress
  }

  /** As of the last ReadyForQuery. */
  get status(): TransactionStatus {
    return this.#connection.pipeline.status
  }

  /** Whether what runs on it can run on another server, so that it is given up early when this one is silent. */
  set movable(movable: boolean) {
    this.#connection.movable = movable
  }

  /**
   * Something has run on it that may have left a trace there, or its client has been given parsers, so that whoever has done that reads nowhere else,
   * and nobody else here.
   */
  get isMarked(): boolean {
    return this.#connection.isMarked || hasOwnTypes(this.#connection.client)
  }

  mark(): void {
    this.#connection.isMarked = true
  }

  /** Its transaction stays open when it is released, for whoever has it next. */
  keepTransaction(): void {
    this.#connection.goesOn = true
  }

  /** That is over. */
  endTransaction(): void {
    this.#connection.goesOn = false
  }

  /** Its open transaction is one that others go on with, who may write. */
  get goesOn(): boolean {
    return this.#connection.goesOn
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

  /** Only a position query is unanswered still, and it is answered at once: otherwise a pooler in between has swallowed it. */
  awaitPosition(): StallAwareTimer {
    return startStallAwareTimer(SWALLOWED_MS, () => {
      this.#lender.disablePipelining()
      this.kill(new Error('Connection terminated'))
    })
  }

  /** For somebody who shares the connection with others, and returns it here when all have. */
  lendOn<T>(make: (connection: Connection, lender: Lender) => T): T {
    return make(this.#connection, this.#lender)
  }

  /** Returns the connection. Calling it again does nothing. */
  release(error?: Error | boolean): void {
    if (this.#released) return
    this.#released = true
    this.#lender.takeBack(this.#connection, error)
  }
}
