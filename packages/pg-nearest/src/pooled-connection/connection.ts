import pg from 'pg'
import { Cancellation } from '../cancellation/cancellation.ts'
import { listenProtected } from '../wire/protected-listeners.ts'
import { internalsOf } from '../wire/pg-internals.ts'
import { rollBackLeftOpen } from '../wire/roll-back-left-open.ts'
import { Pipeline } from '../wire/pipeline.ts'
import { nextConnectionState, type ConnectionSignal, type ConnectionState } from './connection-lifecycle.ts'

/** How long the server has to answer what is still in flight, before the connection is closed. */
const SETTLING_MS = 1_000
/** How long the server has to close its end of the socket after Terminate. */
const CLOSING_MS = 1_000

export interface ConnectionEvents {
  /** It was returned while busy, and everything has been answered now. */
  onSettled(connection: Connection): void
  /** It died without having been closed here. `was`: its state before. */
  onDeath(connection: Connection, error: unknown, was: ConnectionState): void
  onClosed(connection: Connection): void
}

/** One connection to a server: its state, and what is in flight on it. */
export class Connection {
  readonly client: pg.Client
  /** Connections of an older generation than the server's current one are not used again. */
  readonly generation: number
  /** When dialling began, and from `open` on when the connection was made; by `performance.now()`. */
  since: number = performance.now()
  /** By `performance.now()`. */
  readonly dialledAt: number = performance.now()
  /** When somebody began to wait for it; by `performance.now()`. Later than `dialledAt` if it was made ahead. */
  wantedAt: number = this.dialledAt
  /** It has logged in, and is nobody's yet. */
  spare = false
  idleSince = 0
  uses = 0
  /** It has reached `maxLifetimeSeconds`. */
  expired = false
  #lifetime: NodeJS.Timeout | undefined
  /** For `silence.ts`: how many bytes had arrived, and since when. */
  heard: { bytes: number; since: number } | undefined
  /** The machine that it leads to, if that has told. */
  machine: string | undefined
  /** Stands for a machine that is not known. */
  readonly id: string = `connection ${++connections}`
  /** The server was asked which machine it is. */
  introduced = false
  /** Each transaction on it may run on another machine. */
  pooled = false
  /** No pooler is in between. `undefined`: as far as is known. */
  direct: boolean | undefined
  /** It is in use. */
  taken = false
  /** What runs on it can run on another server instead. */
  movable = false
  /** A statement of `pool.query` has begun a transaction, which the next one goes on with: there is no other connection. */
  goesOn = false
  /** Since it was lent something has run on it that may have left a trace there, which no other connection shows. */
  isMarked = false
  /** The user's `verify` is looking at it, and nobody has it yet. */
  verifying = false
  #state: ConnectionState = 'connecting'
  #pipeline: Pipeline | undefined
  #doomed = false
  readonly #cancellation = new Cancellation(this)
  readonly #over = new AbortController()
  #unclosed: NodeJS.Timeout | undefined
  readonly #events: ConnectionEvents
  readonly #exits: boolean

  /** @param exits - as long as it is idle it does not keep the process alive. */
  constructor(client: pg.Client, generation: number, events: ConnectionEvents, exits: boolean) {
    this.client = client
    this.generation = generation
    this.#events = events
    this.#exits = exits
  }

  get state(): ConnectionState {
    return this.#state
  }

  get pipeline(): Pipeline {
    if (this.#pipeline === undefined) throw new Error('A connection has nothing to send on before it is made')
    return this.#pipeline
  }

  /** Aborted when it is being closed. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  /** It was established at some time. */
  get wasOpen(): boolean {
    return this.#pipeline !== undefined
  }

  get alive(): boolean {
    return this.#pipeline?.alive === true && this.#state !== 'closing' && this.#state !== 'closed'
  }

  /** Its socket has closed. */
  get hasDied(): boolean {
    const { _queryable: queryable, _ended: ended } = internalsOf(this.client)
    return !queryable || ended
  }

  /** Nothing is in flight. */
  get quiet(): boolean {
    return this.#pipeline?.quiet ?? true
  }

  /** What pg's client has been asked, by whomever, and has not answered. */
  get queued(): number {
    const { _activeQuery: active, _queryQueue: queue } = internalsOf(this.client)
    return queue.length + (active ? 1 : 0)
  }

  /** Pending while a cancellation is: see {@link cancel}. */
  get fence(): Promise<void> | undefined {
    return this.#cancellation.fence
  }

  /** It can be kept: nothing is in flight, and no transaction is open, but for one that {@link goesOn}. */
  get fit(): boolean {
    return this.usable && (this.pipeline.status === 'I' || this.goesOn)
  }

  /** It can be lent: what a listener may have begun on it since it was kept is ended by {@link endTransactionsOfOthers}. */
  get usable(): boolean {
    return this.alive && !this.#doomed && this.fence === undefined && this.quiet
  }

  /** Whoever has it next is not inside of what a listener of its former user's time has begun, or has asked for. Its first user is, as in pg. */
  endTransactionsOfOthers(): void {
    const isClean = this.queued === 0 && this.pipeline.status === 'I'
    if (!isClean && !this.goesOn && this.uses > 0) rollBackLeftOpen(this.client)
  }

  /** The first ReadyForQuery has arrived, and `onConnect` has ended. */
  open(together: boolean): void {
    // Registered before the pipeline's listeners, so that the state is `closing` before anybody returns the connection.
    listenProtected(this.client, 'error', (error: unknown) => this.#die(error))
    listenProtected(this.client, 'end', () => this.#die(new Error('Connection terminated unexpectedly')))
    this.#pipeline = new Pipeline(this.client, together)
    this.since = performance.now()
  }

  /** It was made ahead, and somebody waits for it now. */
  adopt(): void {
    this.spare = false
    this.wantedAt = performance.now()
    this.since = this.wantedAt
  }

  signal(signal: ConnectionSignal): void {
    const was = this.#state
    this.#state = nextConnectionState(was, signal)
    const isIdle = this.#state === 'idle'
    // Somebody waits for it when it is used, and when it is being closed: for its place, or for the pool's end.
    if (this.#exits && (was === 'idle') !== isIdle) internalsOf(this.client)[isIdle ? 'unref' : 'ref']()
  }

  /** Makes it close when it is returned, because something is wrong with the connection itself. */
  doom(): void {
    this.#doomed = true
  }

  /**
   * Cancels what is in flight. Resolves when the cancellation cannot hit the next statement any more: the server has answered, the
   * cancel request's connection is closed, and an empty statement has been answered. If that takes more than a second, the
   * connection is closed. What waits behind what a listener has asked is not sent at all, and that goes on.
   */
  cancel(): Promise<void> {
    return this.#cancellation.begin()
  }

  #answered(): Promise<void> {
    return new Promise((resolve) => this.pipeline.whenQuiet(resolve))
  }

  /** It was returned while busy: waits up to a second for what is in flight. */
  settle(): void {
    this.signal('return-unsettled')
    const patience = setTimeout(() => this.kill(new Error('Connection terminated')), SETTLING_MS)
    const settled = (): void => {
      clearTimeout(patience)
      if (this.#state === 'settling') this.#events.onSettled(this)
    }
    void Promise.resolve(this.fence)
      .then(() => this.#answered())
      .then(settled, settled)
  }

  /** Sends Terminate, and destroys the socket if the server does not close it within a second. */
  close(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.#leave()
    const isListening = this.#pipeline === undefined ? this.spare : this.#pipeline.alive && this.quiet
    if (!isListening) return this.#destroy()
    const late = setTimeout(() => this.#destroy(), CLOSING_MS)
    late.unref()
    internalsOf(this.client).connection.stream.once('close', () => clearTimeout(late))
    void (Reflect.apply(pg.Client.prototype.end, this.client, []) as Promise<void>).catch(ignore)
  }

  /** Its user has given it back. */
  comeBack(): void {
    this.uses++
    if (this.#pipeline?.status === 'I') this.goesOn = false
    this.movable = false
    this.isMarked = false
    this.taken = false
  }

  /** Its lifetime ends so many milliseconds from now. */
  limitLifetime(ms: number, onExpired: () => void): void {
    this.#lifetime = setTimeout(() => {
      this.expired = true
      onExpired()
    }, ms)
    this.#lifetime.unref()
  }

  /** Destroys the socket now. What is in flight is lost, with this cause. */
  kill(cause: unknown): void {
    if (this.#state === 'closed') return
    this.#leave(cause)
    this.#pipeline?.die(cause)
    this.#destroy()
  }

  #leave(cause?: unknown): void {
    clearTimeout(this.#lifetime)
    this.signal('close')
    this.#over.abort(cause)
    const { stream } = internalsOf(this.client).connection
    // pg's own 'end' event comes later, and never if the client had not connected.
    if (stream.closed) return this.#closed()
    stream.once('close', () => this.#closed())
  }

  #closed(): void {
    if (this.#state === 'closed') return
    clearTimeout(this.#unclosed)
    this.signal('socket-closed')
    this.#events.onClosed(this)
  }

  #destroy(): void {
    internalsOf(this.client).connection.stream.destroy()
    // A stream of the user's may never tell that it is closed.
    if (this.#state !== 'closed') this.#unclosed ??= setTimeout(() => this.#closed(), CLOSING_MS)
  }

  #die(error: unknown): void {
    const was = this.#state
    if (was === 'closing' || was === 'closed') return
    this.kill(error)
    this.#events.onDeath(this, error, was)
  }
}

let connections = 0

function ignore(): void {}
