import pg from 'pg'
import { runUsers } from '../raise-later.ts'
import { enqueue } from './enqueue.ts'
import type { Exchange } from './exchange.ts'
import { listenProtected } from './protected-listeners.ts'
import { dispatcherOf, type MessageDispatcher } from '../message-framing/message-dispatcher.ts'
import {
  internalsOf,
  type ClientInternals,
  type DataRow,
  type RowDescription,
  type WireConnection,
} from './pg-internals.ts'
import { isValueTooLong } from '../result-value-too-long.ts'

/** `I`: outside of a transaction, `T`: inside, `E`: inside of one that has failed. */
export type TransactionStatus = 'I' | 'T' | 'E'

/** `ours`: pg's client takes it for its active query. `queued`: it is behind what others ask there, as listeners do, and may write nothing. */
type Turn = 'idle' | 'queued' | 'ours'

/**
 * The exchanges in flight on one connection, in the order in which they were sent. Each receives the answers up to its own
 * ReadyForQuery. pg's client takes the whole pipeline for one query, so that this class knows exactly what is in flight and
 * whether a transaction is open.
 */
export class Pipeline {
  /** Several exchanges may be sent before the first is answered. Fixed when the connection is made. */
  readonly together: boolean
  readonly #client: pg.Client
  readonly #internals: ClientInternals
  readonly #written: Exchange[] = []
  readonly #unwritten: Exchange[] = []
  #turn: Turn = 'idle'
  #death: { readonly cause: unknown } | undefined
  /** The error that `submit` returned when nothing could be written; pg passes it back to `handleError`. */
  #refused: Error | undefined
  #onQuiet: (() => void)[] = []
  #keepsTurn = false
  /** `undefined`: only pg reads here. */
  readonly #dispatcher: MessageDispatcher | undefined

  /** @param client - connected, and used by nobody else. */
  constructor(client: pg.Client, together: boolean) {
    this.#client = client
    this.#internals = internalsOf(client)
    this.together = together
    this.#dispatcher = dispatcherOf(this.#internals.connection)
    this.#dispatcher?.serve(
      () => this.#written[0]?.reader,
      (error) => {
        this.#internals.connection.stream.destroy()
        this.die(error)
      },
    )
    // pg does not pass it on.
    this.#internals.connection.on('bindComplete', () => this.#written[0]?.handleBindComplete?.())
    listenProtected(client, 'error', (error: unknown) => this.die(error))
    listenProtected(client, 'end', () => this.die(new Error('Connection terminated unexpectedly')))
  }

  /** As of the last ReadyForQuery, whoever had asked. */
  get status(): TransactionStatus {
    return pg.Client.prototype.getTransactionStatus.call(this.#client) ?? 'I'
  }

  /** Nothing is in flight. */
  get quiet(): boolean {
    return this.#written.length === 0 && this.#unwritten.length === 0
  }

  /** As far as its socket shows, too, which is closed before pg's client tells of that. */
  get alive(): boolean {
    return this.#death === undefined && this.#internals.connection.stream.writable
  }

  /** What the server is at, as far as anybody knows here. */
  get head(): Exchange | undefined {
    return this.#written[0]
  }

  /** In the order in which it is answered. */
  get inFlight(): readonly Exchange[] {
    return [...this.#written, ...this.#unwritten]
  }

  /** Sends these behind what is in flight: in one packet if several may be sent at once, otherwise one after the other. */
  send(...exchanges: Exchange[]): void {
    if (this.#death !== undefined) {
      for (const exchange of exchanges) exchange.lost(this.#death.cause, false)
      return
    }
    for (const exchange of exchanges) this.#unwritten.push(exchange)
    if (this.#turn === 'ours') return this.#write(this.#internals.connection)
    if (this.#turn === 'queued') return
    this.#turn = 'queued'
    // pg calls `submit` at once, unless others have asked something of the client.
    if (enqueue(this.#client, this)) this.#internals._pulseQueryQueue()
  }

  /** Whether exchanges with a reader of their own can be sent now: pg has read to the end of a message. */
  get readable(): boolean {
    return this.#dispatcher?.betweenMessages === true
  }

  /** Calls back when nothing is in flight any more, or the connection is dead; at once if that is so already. */
  whenQuiet(callback: () => void): void {
    if (this.quiet) callback()
    else this.#onQuiet.push(callback)
  }

  /**
   * Takes back what waits behind what others ask of the client: it is lost with this cause, and never written. Returns whether there was such a
   * thing; then nothing is in flight any more.
   */
  withdraw(cause: unknown): boolean {
    const at = this.#turn === 'queued' ? this.#internals._queryQueue.indexOf(this) : -1
    if (at < 0) return false
    this.#internals._queryQueue.splice(at, 1)
    this.#turn = 'idle'
    for (const exchange of this.#unwritten.splice(0)) runUsers(() => exchange.lost(cause, false))
    this.#tellQuiet()
    return true
  }

  /** Whether what others ask of the client has to wait, though nothing is in flight here. Only while it is this one's turn. */
  keepTurn(keeps: boolean): void {
    this.#keepsTurn = keeps
    if (keeps || this.#turn !== 'ours' || !this.quiet) return
    this.#rest()
    this.#internals._pulseQueryQueue()
  }

  /** Ends everything with this cause. Later errors of pg are ignored. */
  die(cause: unknown): void {
    if (this.#death !== undefined) return
    this.#death = { cause }
    this.#turn = 'idle'
    const written = this.#written.splice(0)
    const unwritten = this.#unwritten.splice(0)
    const causeBehind = isValueTooLong(cause) ? new Error('Connection terminated', { cause }) : cause
    // Answers come in order: only the first one's was being read.
    for (const [i, exchange] of written.entries()) runUsers(() => exchange.lost(i === 0 ? cause : causeBehind, true))
    for (const exchange of unwritten) runUsers(() => exchange.lost(causeBehind, false))
    this.#tellQuiet()
  }

  /** pg's client calls this and the methods below. */
  submit(connection: WireConnection): Error | null {
    this.#turn = 'ours'
    this.#write(connection)
    if (this.#written.length > 0) return null
    this.#turn = 'idle'
    return (this.#refused = new Error('Nothing could be sent'))
  }

  get name(): string | undefined {
    return this.#written[0]?.name
  }

  get text(): string | undefined {
    return this.#written[0]?.text
  }

  handleRowDescription(message: RowDescription): void {
    this.#written[0]?.handleRowDescription(message)
  }

  handleDataRow(message: DataRow): void {
    this.#written[0]?.handleDataRow(message)
  }

  handlePortalSuspended(connection: WireConnection): void {
    this.#written[0]?.handlePortalSuspended(connection)
  }

  handleCommandComplete(message: unknown, connection: WireConnection): void {
    this.#written[0]?.handleCommandComplete(message, connection)
  }

  handleEmptyQuery(connection: WireConnection): void {
    this.#written[0]?.handleEmptyQuery(connection)
  }

  handleCopyInResponse(connection: WireConnection): void {
    this.#written[0]?.handleCopyInResponse(connection)
  }

  handleCopyData(message: unknown, connection: WireConnection): void {
    this.#written[0]?.handleCopyData(message, connection)
  }

  handleError(error: unknown, connection: WireConnection): void {
    if (error === this.#refused) return void (this.#refused = undefined)
    // The client's 'error' and 'end' events report a dead connection. Here the server has answered, and ReadyForQuery follows.
    if (this.#death !== undefined || this.#internals._ended || !this.#internals._queryable) return
    if (!isErrorResponse(error)) {
      connection.stream.destroy()
      return this.die(error)
    }
    this.#internals._activeQuery = this
    this.#written[0]?.handleError(error, connection)
  }

  handleReadyForQuery(connection: WireConnection): void {
    const ended = this.#written.shift()
    if (this.quiet && !this.#keepsTurn) this.#turn = 'idle'
    else {
      // pg has just cleared its active query; the remaining exchanges still need their answers.
      this.#internals._activeQuery = this
      this.#internals.readyForQuery = false
    }
    ended?.handleReadyForQuery(connection)
    if (this.#turn === 'ours') this.#write(connection)
    if (this.#turn === 'ours' && this.#written.length === 0 && !this.#keepsTurn) this.#rest()
    this.#tellQuiet()
  }

  #rest(): void {
    this.#turn = 'idle'
    this.#internals._activeQuery = null
    this.#internals.readyForQuery = true
  }

  #write(connection: WireConnection): void {
    if (this.#unwritten.length === 0) return
    const { stream } = connection
    const many = this.#unwritten.length > 1
    if (many) stream.cork()
    try {
      while (this.#mayWrite(this.#unwritten[0])) this.#writeOne(this.#unwritten.shift() as Exchange, connection)
    } finally {
      if (many) stream.uncork()
    }
  }

  #mayWrite(next: Exchange | undefined): boolean {
    if (next === undefined) return false
    if (this.#written.length === 0) return true
    return this.together && !next.exclusive && this.#written.at(-1)?.exclusive !== true
  }

  #writeOne(exchange: Exchange, connection: WireConnection): void {
    // pg silently drops what is written to a stream that has ended.
    if (!connection.stream.writable) return exchange.lost(new Error('Connection terminated'), false)
    // Pushed first, because an answer or an error may arrive before `submit` returns.
    this.#written.push(exchange)
    let refused: unknown
    try {
      refused = exchange.submit(connection)
    } catch (error) {
      // Part of a message may have been written.
      connection.stream.destroy()
      return this.die(error)
    }
    if (refused instanceof Error) this.#written.splice(this.#written.indexOf(exchange), 1)
  }

  #tellQuiet(): void {
    if (this.#onQuiet.length === 0 || !this.quiet) return
    for (const callback of this.#onQuiet.splice(0)) callback()
  }
}

/** Every ErrorResponse has an SQLSTATE. Errors of pg's own parser have none. */
function isErrorResponse(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'string' && code.length === 5
}
