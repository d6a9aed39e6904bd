import { EventEmitter } from 'node:events'
import pg from 'pg'
import { promiseOrCallback } from '../execute/promise-or-callback.ts'
import { isSubmittable } from '../execute/parse-query-arguments.ts'
import type { QueryCallback } from '../route/request.ts'
import type { ModulePool } from './unendable-pool.ts'

const FORWARDED = ['notice', 'notification', 'error', 'drain'] as const

/** A parameter that libraries wait for while they connect, and would set if it did not come. */
const CONFORMING = { parameterName: 'standard_conforming_strings', parameterValue: 'on' }

/** A client that borrows one of the pool when it connects, and gives it back when it ends. */
class ModuleClient extends EventEmitter {
  /** Libraries listen on it for what the server says of itself. */
  readonly connection: EventEmitter = new EventEmitter()
  readonly escapeIdentifier: typeof pg.escapeIdentifier = pg.escapeIdentifier
  readonly escapeLiteral: typeof pg.escapeLiteral = pg.escapeLiteral
  readonly #pool: ModulePool
  readonly #types: pg.CustomTypesConfig | undefined
  /** What is given to it before that waits for it, as in pg. */
  readonly #whenBorrowed: Promise<pg.PoolClient>
  #borrow!: (client: PromiseLike<pg.PoolClient>) => void
  #isConnecting = false
  #client: pg.PoolClient | undefined
  #ending = false

  constructor(pool: ModulePool, config: string | pg.ClientConfig | undefined) {
    super()
    this.#pool = pool
    this.#types = typeof config === 'object' ? config.types : undefined
    this.#whenBorrowed = new Promise((resolve) => {
      this.#borrow = resolve
    })
    this.#whenBorrowed.catch(() => undefined)
  }

  connect(callback?: QueryCallback): unknown {
    if (this.#isConnecting) {
      const error = new Error('Client has already been connected. You cannot reuse a client.')
      return promiseOrCallback(Promise.reject(error), callback)
    }
    this.#isConnecting = true
    this.#borrow(this.#connected())
    return promiseOrCallback(
      this.#whenBorrowed.then(() => this),
      callback,
    )
  }

  async #connected(): Promise<pg.PoolClient> {
    const client = await this.#pool.connect()
    for (const event of FORWARDED) client.on(event as 'notice', this.#listeners[event])
    this.connection.emit('parameterStatus', CONFORMING)
    return (this.#client = client)
  }

  query(first: unknown, second?: unknown, third?: unknown): unknown {
    if (isSubmittable(first)) this.#tellColumns(first)
    const query = this.#withTypes(first) as string
    if (this.#client !== undefined) return this.#client.query(query, second as [], third as () => void)
    const borrowing = this.#ending ? Promise.reject(closedError()) : this.#whenBorrowed
    if (isSubmittable(first)) {
      const told = first as pg.Submittable & { handleError?(error: unknown, connection: unknown): void }
      borrowing.then(
        (client) => client.query(first),
        (error: unknown) => told.handleError?.(error, null),
      )
      return first
    }
    const callback = [second, third].find((argument) => typeof argument === 'function') as QueryCallback | undefined
    const values = typeof second === 'function' ? undefined : (second as unknown[] | undefined)
    return promiseOrCallback(
      borrowing.then((client) => client.query(query, values)),
      callback,
    )
  }

  /** On its connection, as pg's own does. */
  #tellColumns(submittable: pg.Submittable): void {
    const of: { handleRowDescription?(message: unknown): void } = submittable as object
    const handle = of.handleRowDescription
    if (handle === undefined) return
    of.handleRowDescription = (message) => {
      handle.call(of, message)
      this.connection.emit('rowDescription', message)
    }
  }

  /** A text and options get the parsers that the client was made with. */
  #withTypes(first: unknown): unknown {
    if (this.#types === undefined || isSubmittable(first)) return first
    return typeof first === 'string'
      ? { text: first, types: this.#types }
      : { types: this.#types, ...(first as object) }
  }

  end(callback?: QueryCallback): unknown {
    return promiseOrCallback(this.#giveBack(), callback)
  }

  async #giveBack(): Promise<void> {
    if (this.#ending) return
    this.#ending = true
    // What it could not borrow need not be given back.
    const client = this.#isConnecting ? await this.#whenBorrowed.catch(() => undefined) : undefined
    this.#client = undefined
    if (client !== undefined) {
      for (const event of FORWARDED) client.removeListener(event, this.#listeners[event])
      client.release()
    }
    this.emit('end')
  }

  /** Libraries look at it, as at the next ones. */
  get _ending(): boolean {
    return this.#ending
  }

  get processID(): number | null {
    return (this.#client as { readonly processID?: number | null } | undefined)?.processID ?? null
  }

  get host(): string | undefined {
    return this.#client?.host
  }

  get port(): number | undefined {
    return this.#client?.port
  }

  get database(): string | undefined {
    return this.#client?.database
  }

  get user(): string | undefined {
    return this.#client?.user
  }

  getTransactionStatus(): string | null {
    return this.#client?.getTransactionStatus() ?? null
  }

  ref(): void {}

  unref(): void {}

  readonly #listeners = Object.fromEntries(
    FORWARDED.map((event) => [
      event,
      (...args: unknown[]): void => {
        // As on a borrowed client: the statement that was lost rejects anyway.
        if (event !== 'error' || this.listenerCount('error') > 0) this.emit(event, ...args)
      },
    ]),
  ) as Record<(typeof FORWARDED)[number], (...args: unknown[]) => void>
}

// Libraries ask whether it is a client of pg's. Nothing is inherited that is used.
Object.setPrototypeOf(ModuleClient.prototype, Object.create(pg.Client.prototype) as object)

/** A class of such clients of one pool, whatever server their options name. */
export function moduleClient(pool: ModulePool): typeof pg.Client {
  class Client extends ModuleClient {
    constructor(config?: string | pg.ClientConfig) {
      super(pool, config)
    }
  }
  return Client as unknown as typeof pg.Client
}

function closedError(): Error {
  return new Error('Client was closed and is not queryable')
}
