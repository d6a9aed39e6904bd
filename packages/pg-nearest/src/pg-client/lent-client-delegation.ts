import pg from 'pg'
import { copyTypes, internalsOf } from '../wire/pg-internals.ts'
import { removeUsersListeners } from '../wire/protected-listeners.ts'
import { listeningUserOf, type Borrower } from './listening-user.ts'

export type { Borrower } from './listening-user.ts'

const BORROWER = Symbol('borrower')
const OWN_TYPES = Symbol('own types')

interface Lendable extends pg.Client {
  [BORROWER]?: Borrower | undefined
  [OWN_TYPES]?: boolean
}

/** Somebody who had borrowed it has given it parsers, which it keeps, as with pg: what others read must not go through them. */
export function hasOwnTypes(client: pg.Client): boolean {
  return (client as Lendable)[OWN_TYPES] === true
}

/** Somebody waits for what comes of any statement, beside those who `heard` its notices anyway. */
export function isHeard(client: pg.Client, heard = 0): boolean {
  return client.listenerCount('drain') > 0 || client.listenerCount('notice') > heard
}

/** What a client was when it was lent. */
export class LentClient {
  readonly #client: pg.Client
  /** What its borrower goes on with. */
  #latest: pg.Client
  /** How many heard its notices then. */
  readonly hearers: number

  constructor(client: pg.Client) {
    this.#client = this.#latest = client
    this.hearers = client.listenerCount('notice')
  }

  /** It is gone, and its borrower has given it parsers or listens to it, which no other connection has. */
  isMissed(held: { readonly client: pg.Client; readonly alive: boolean } | undefined): boolean {
    const client = this.#client
    if (held?.client === client && held.alive) return false
    return isHeard(client, this.hearers) || client.listenerCount('notification') > 0 || hasOwnTypes(client)
  }

  /**
   * Its borrower goes on with another one: whoever looks at it for the process to cancel gets that one's, if it is gone. As long as it is not, it may
   * be lent to somebody else, whose statements are cancelled by its own.
   */
  follow(other: pg.Client): void {
    this.#latest = other
    if (other === this.#client || !this.#isGone) return
    const { processID, secretKey } = internalsOf(other)
    Object.assign(this.#client, { processID, secretKey })
  }

  /** Who is to be told that another one, with which its borrower has gone on, is lost. Until it is gone, it may be lent to somebody else. */
  get hearerOfLoss(): pg.Client | undefined {
    return this.#latest !== this.#client && this.#isGone ? this.#client : undefined
  }

  get #isGone(): boolean {
    const { _queryable: isQueryable, _ended: isEnded } = internalsOf(this.#client)
    return !isQueryable || isEnded
  }
}

/**
 * From now on the client's user is the borrower: after it was released, too, until it is lent to somebody else, so that nobody runs
 * anything on a connection that is another's.
 */
export function lendTo(client: pg.Client, borrower: Borrower): LentClient {
  ;(client as Lendable)[BORROWER] = borrower
  const user = listeningUserOf(client)
  if (user !== undefined) user.borrower = borrower
  return new LentClient(client)
}

/** Whoever answers for a client now, if it does not do so itself. */
function borrowerOf(client: Lendable): Borrower | undefined {
  const user = listeningUserOf(client)
  return user === undefined ? client[BORROWER] : user.borrower
}

/** Lets the borrower of a client answer for it. Takes a class, so that nothing has to be done for each client. */
export function makeLendable(Client: typeof pg.Client): void {
  const own = {
    query(this: Lendable, first: unknown, second?: unknown, third?: unknown): unknown {
      const user = listeningUserOf(this)
      const borrower = user === undefined ? this[BORROWER] : user.borrower
      if (borrower !== undefined) return borrower.query(first, second, third)
      const ask = (...args: unknown[]): unknown => Reflect.apply(pg.Client.prototype.query, this, args)
      return user === undefined ? ask(first, second, third) : user.asks(ask, first, second, third)
    },
    end(this: Lendable, callback?: unknown): unknown {
      const borrower = borrowerOf(this)
      return borrower === undefined
        ? Reflect.apply(pg.Client.prototype.end, this, callback === undefined ? [] : [callback])
        : borrower.end(callback)
    },
    getTransactionStatus(this: Lendable): string | null {
      const borrower = borrowerOf(this)
      if (borrower !== undefined) return borrower.getTransactionStatus()
      return pg.Client.prototype.getTransactionStatus.call(this)
    },
    setTypeParser(this: Lendable, ...args: Parameters<pg.Client['setTypeParser']>): void {
      if (borrowerOf(this) !== undefined && this[OWN_TYPES] !== true) {
        this[OWN_TYPES] = true
        copyTypes(this)
      }
      Reflect.apply(pg.Client.prototype.setTypeParser, this, args)
    },
    removeAllListeners(this: Lendable, event?: string | symbol): Lendable {
      removeUsersListeners(this, event)
      return this
    },
  }
  for (const [name, value] of Object.entries(own)) {
    Object.defineProperty(Client.prototype, name, { value, writable: true, configurable: true })
  }
}
