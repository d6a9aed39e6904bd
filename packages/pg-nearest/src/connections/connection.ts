import type pg from 'pg'
import { requestCancel } from '../wire/cancel-request.ts'
import { internalsOf } from '../wire/pg-internals.ts'
import { Pipeline } from '../wire/pipeline.ts'
import { QuestionExchange } from '../wire/question-exchange.ts'
import { nextConnectionState, type ConnectionSignal, type ConnectionState } from './connection-state.ts'

/** A server has this long to end what was cancelled, or left unanswered; then the connection is closed. */
const SETTLING_MS = 1_000
/** And this long to close its end of the socket when it was told to. */
const CLOSING_MS = 1_000

export interface ConnectionEvents {
  /** It is fit again, after it was given back too early. */
  onSettled(connection: Connection): void
  /** It died by itself: nobody here had closed it. `was`: what it was doing. */
  onDeath(connection: Connection, error: unknown, was: ConnectionState): void
  onClosed(connection: Connection): void
}

/** One connection to a server: what it is doing, and what has been sent on it. Only {@link ServerConnections} makes them. */
export class Connection {
  readonly client: pg.Client
  /** Which of the server's connections it belongs to: those of an older generation are not used again. */
  readonly generation: number
  /** By `performance.now()`: when it was begun to be made; then, when it had been. */
  since: number = performance.now()
  idleSince = 0
  uses = 0
  /** It has been open for as long as `maxLifetimeSeconds` lets. */
  expired = false
  lifetime: NodeJS.Timeout | undefined
  /** What the silence of its server is measured by: see `silence.ts`. */
  heard: { bytes: number; since: number } | undefined
  /** Somebody has it. */
  taken = false
  /** What runs on it can run elsewhere instead. */
  movable = false
  #state: ConnectionState = 'connecting'
  #pipeline: Pipeline | undefined
  #doomed = false
  #fence: Promise<void> | undefined
  readonly #events: ConnectionEvents

  constructor(client: pg.Client, generation: number, events: ConnectionEvents) {
    this.client = client
    this.generation = generation
    this.#events = events
  }

  get state(): ConnectionState {
    return this.#state
  }

  get pipeline(): Pipeline {
    if (this.#pipeline === undefined) throw new Error('A connection has nothing to send on before it is made')
    return this.#pipeline
  }

  /** It was made, whatever became of it. */
  get wasOpen(): boolean {
    return this.#pipeline !== undefined
  }

  get alive(): boolean {
    return this.#pipeline?.alive === true && this.#state !== 'closing' && this.#state !== 'closed'
  }

  /** Its socket has died, before or after it was made. */
  get hasDied(): boolean {
    const { _queryable: queryable, _ended: ended } = internalsOf(this.client)
    return !queryable || ended
  }

  /** Nothing is in flight. */
  get quiet(): boolean {
    return this.#pipeline?.quiet ?? true
  }

  /** What was in flight is being cancelled: see {@link cancel}. */
  get fence(): Promise<void> | undefined {
    return this.#fence
  }

  /** The next one may have it: all is answered, and the server is outside of a transaction. */
  get fit(): boolean {
    return this.alive && !this.#doomed && this.#fence === undefined && this.quiet && this.pipeline.status === 'I'
  }

  /** The server has said ReadyForQuery, and the pool's hooks are through. */
  open(together: boolean): void {
    // Heard before the pipeline hears it, so that whoever gives back what died finds the connection closing.
    this.client.on('error', (error: unknown) => this.#die(error))
    this.client.on('end', () => this.#die(new Error('Connection terminated unexpectedly')))
    this.#pipeline = new Pipeline(this.client, together)
    this.since = performance.now()
  }

  signal(signal: ConnectionSignal): void {
    this.#state = nextConnectionState(this.#state, signal)
  }

  /** It is not to be used again once it is given back: something is wrong with it, and not with a statement. */
  doom(): void {
    this.#doomed = true
  }

  /**
   * Cancels what is in flight. Resolves when nothing of it can hit what is sent next: the server has ended it, the cancel request
   * is over, and one empty statement has come through; or when the connection is closed, for that took too long.
   */
  cancel(): Promise<void> {
    this.#fence ??= this.#runFence().finally(() => {
      this.#fence = undefined
    })
    return this.#fence
  }

  async #runFence(): Promise<void> {
    const patience = setTimeout(() => this.kill(new Error('Connection terminated')), SETTLING_MS)
    let heardEnd: () => void = ignore
    const dead = new Promise<void>((resolve) => {
      heardEnd = resolve
      this.client.once('end', heardEnd)
    })
    try {
      await Promise.race([requestCancel(this.client), dead])
      await this.#answered()
      if (this.alive)
        await new Promise<void>((resolve) => this.pipeline.send(new QuestionExchange('', () => resolve())))
    } finally {
      clearTimeout(patience)
      this.client.off('end', heardEnd)
    }
  }

  #answered(): Promise<void> {
    return new Promise((resolve) => this.pipeline.whenQuiet(resolve))
  }

  /** It was given back too early: waits for what is in flight, and then keeps or closes it. */
  settle(): void {
    this.signal('return-unsettled')
    const patience = setTimeout(() => this.kill(new Error('Connection terminated')), SETTLING_MS)
    const settled = (): void => {
      clearTimeout(patience)
      if (this.#state === 'settling') this.#events.onSettled(this)
    }
    void Promise.resolve(this.#fence)
      .then(() => this.#answered())
      .then(settled, settled)
  }

  /** Says goodbye, and closes the socket even if the server does not. */
  close(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.#leave()
    if (this.#pipeline?.alive !== true || !this.quiet) return this.#destroy()
    const late = setTimeout(() => this.#destroy(), CLOSING_MS)
    late.unref()
    internalsOf(this.client).connection.stream.once('close', () => clearTimeout(late))
    void this.client.end().catch(ignore)
  }

  /** Closes the socket now, whatever is in flight: that is lost, for this reason. */
  kill(cause: unknown): void {
    if (this.#state === 'closed') return
    this.#leave()
    this.#pipeline?.die(cause)
    this.#destroy()
  }

  #leave(): void {
    clearTimeout(this.lifetime)
    this.signal('close')
    const { stream } = internalsOf(this.client).connection
    // pg's own `end` comes a moment later, and never where it had not connected.
    if (stream.closed) return this.#closed()
    stream.once('close', () => this.#closed())
  }

  #closed(): void {
    if (this.#state === 'closed') return
    this.signal('socket-closed')
    this.#events.onClosed(this)
  }

  #destroy(): void {
    internalsOf(this.client).connection.stream.destroy()
  }

  #die(error: unknown): void {
    const was = this.#state
    if (was === 'closing' || was === 'closed') return
    this.kill(error)
    this.#events.onDeath(this, error, was)
  }
}

function ignore(): void {}
