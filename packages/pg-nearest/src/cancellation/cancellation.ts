import type pg from 'pg'
import { instanceOf } from '../errors.ts'
import { InternalQueryExchange } from '../exchange/internal-query-exchange.ts'
import type { Exchange } from '../wire/exchange.ts'
import type { Pipeline } from '../wire/pipeline.ts'
import { requestCancel } from './cancel-request.ts'

/** How long the server has to end what was cancelled, before the connection is closed. */
const SETTLING_MS = 1_000
/** What is answered as soon as it is next needs no request of its own. */
const QUICK_MS = 3

/** A connection on which something can be cancelled. */
export interface Cancellable {
  readonly client: pg.Client
  readonly pipeline: Pipeline
  readonly alive: boolean
  /** Closes it at once. */
  kill(cause: unknown): void
}

/** Cancels what is in flight on one connection, and tells until when that could hit what is sent next. */
export class Cancellation {
  readonly #connection: Cancellable
  #fence: Promise<void> | undefined
  /** Resolves when every cancel request of the fence is over. */
  #requested: Promise<unknown> | undefined
  /** What the latest of them was made for. */
  #target: Exchange | undefined
  /** The last of what is to be cancelled: what is sent behind that is not. */
  #last: Exchange | undefined

  constructor(connection: Cancellable) {
    this.#connection = connection
  }

  /** Pending while it could hit what is sent next. */
  get fence(): Promise<void> | undefined {
    return this.#fence
  }

  /** Cancels all that is in flight now. Returns the fence. */
  begin(): Promise<void> {
    const { pipeline } = this.#connection
    this.#last = pipeline.inFlight.at(-1)
    if (this.#fence !== undefined) return this.#fence
    const isUnsent = pipeline.withdraw(new Error('The statement was cancelled before it was sent'))
    if (isUnsent) return Promise.resolve()
    // What a listener has asked behind it is not cancelled.
    pipeline.keepTurn(true)
    // Whoever cancels may close the connection in the same turn: it dials before that.
    this.#request()
    return (this.#fence = this.#run())
  }

  #request(): void {
    const { head } = this.#connection.pipeline
    this.#target = head
    this.#requested = Promise.all([this.#requested, head && requestCancel(this.#connection.client)])
  }

  /**
   * A request hits what the server is at when it arrives. What comes next has one of its own, if it is to be cancelled, too; but for a question of
   * the pool's, which is quick by itself, however long its answer takes to come.
   */
  #requestForNext(): NodeJS.Timeout {
    let seen: Exchange | undefined
    return setInterval(() => {
      const { head } = this.#connection.pipeline
      const isOurs = instanceOf(head, InternalQueryExchange)
      const isSlow = head !== undefined && head === seen && head !== this.#target && !isOurs
      seen = head
      if (isSlow && this.#isUnfinished) this.#request()
    }, QUICK_MS)
  }

  get #isUnfinished(): boolean {
    return this.#last !== undefined && this.#connection.pipeline.inFlight.includes(this.#last)
  }

  async #run(): Promise<void> {
    const patience = setTimeout(() => this.#connection.kill(new Error('Connection terminated')), SETTLING_MS)
    const next = this.#requestForNext()
    let heardEnd: () => void = ignore
    const dead = new Promise<void>((resolve) => {
      heardEnd = resolve
      this.#connection.client.once('end', heardEnd)
    })
    try {
      for (let requested; requested !== this.#requested || this.#isUnfinished;) {
        requested = this.#requested
        // oxlint-disable-next-line no-await-in-loop -- a request may come while the one before it is waited for
        await Promise.race([requested, dead]).then(() => this.#answered())
        // oxlint-disable-next-line no-await-in-loop -- as above
        if (this.#connection.alive) await this.#answersEmpty()
      }
    } finally {
      // In the same turn as the last look at what is to be cancelled: what comes later begins another one.
      this.#fence = this.#target = this.#last = undefined
      this.#connection.pipeline.keepTurn(false)
      clearTimeout(patience)
      clearInterval(next)
      this.#connection.client.off('end', heardEnd)
    }
  }

  #answered(): Promise<void> {
    return new Promise((resolve) => this.#connection.pipeline.whenQuiet(resolve))
  }

  #answersEmpty(): Promise<void> {
    return new Promise((resolve) => this.#connection.pipeline.send(new InternalQueryExchange('', () => resolve())))
  }
}

function ignore(): void {}
