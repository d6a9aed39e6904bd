import { AsyncLocalStorage } from 'node:async_hooks'
import { inspect, types } from 'node:util'
import pg from 'pg'
import { lookAt } from '../errors.ts'

/** Does for a client what whoever has borrowed it asks for. */
export interface Borrower {
  query(first: unknown, second: unknown, third: unknown): unknown
  end(callback: unknown): unknown
  getTransactionStatus(): string | null
}

/** What a listener has returned may be settled later, or never, as that of a worker which it has started: by then it is no listener any more. */
const LONGEST_MS = 10_000

/**
 * The listeners of one of the pool's events, as users of the client that they are told of: in their own turn, until what they have returned is
 * settled, and until what they have asked the client themselves is answered. Whatever else they have started is no listener, though it descends
 * from one.
 */
export class ListeningUser {
  readonly client: pg.Client
  /** It has borrowed the client itself since. */
  borrower: Borrower | undefined
  /** Its own turn, and what it has asked. */
  #doing = 0
  /** What it has returned, as far as that was not settled when it was looked at last. */
  #returned: readonly unknown[] = []
  readonly #since: number = performance.now()

  constructor(client: pg.Client) {
    this.client = client
  }

  get listens(): boolean {
    if (this.#doing > 0) return true
    if (this.#returned.length === 0) return false
    this.#returned = performance.now() - this.#since < LONGEST_MS ? this.#returned.filter(isPending) : []
    return this.#returned.length > 0
  }

  /** Calls back in its own turn. */
  run(work: () => readonly unknown[] | void): void {
    const end = this.#do()
    this.#returned = work() ?? []
    end()
  }

  /** Asks the client for it. As it is only told of the answer, it goes on with that as the listener. */
  asks(ask: (...args: unknown[]) => unknown, first: unknown, second: unknown, third: unknown): unknown {
    const args = [first, second, third]
    const callbacks = args.flatMap((arg, i) => (i > 0 && typeof arg === 'function' ? [i] : []))
    const own = callbacks.length === 0 ? callbackIn(first) : undefined
    const at = own === undefined ? callbacks.at(-1) : 0
    const end = this.#do()
    const bound = (callback: unknown): Callback => AsyncLocalStorage.bind(endingBy(callback as Callback, end))
    if (at !== undefined) args[at] = own === undefined ? bound(args[at]) : withCallback(first as object, bound(own))
    let answer: unknown
    try {
      answer = ask(...args)
    } catch (error) {
      end()
      throw error
    }
    // Whoever does not handle its rejection is told so, as of pg's.
    if (answer instanceof Promise) return answer.finally(end)
    // A cursor, or a stream, which may call back never.
    if (at === undefined || answer !== undefined) end()
    return answer
  }

  /** Returns what ends it, once what it leads to in the same turn has run. */
  #do(): () => void {
    this.#doing++
    let isOver = false
    return () => {
      if (!isOver) setImmediate(() => this.#doing--)
      isOver = true
    }
  }
}

type Callback = (...args: unknown[]) => unknown

/** What pg calls unless it is given another callback beside the query. */
function callbackIn(query: unknown): unknown {
  if (typeof query !== 'object' || query === null) return undefined
  const { callback, submit } = query as { readonly callback?: unknown; readonly submit?: unknown }
  return typeof callback === 'function' && typeof submit !== 'function' ? callback : undefined
}

/** A copy, as pg makes one: what is given may be frozen, or given again. */
function withCallback(query: object, callback: Callback): object {
  const own = { value: callback, writable: true, enumerable: true, configurable: true }
  return Object.create(Object.getPrototypeOf(query) as object | null, {
    ...Object.getOwnPropertyDescriptors(query),
    callback: own,
  }) as object
}

/** Without `then`, by which its rejection would count as handled, and without `finally`, whose own promise would reject where nobody handles it. */
function isPending(promise: unknown): boolean {
  if (!types.isPromise(promise)) return false
  const shown = lookAt(() => inspect(promise, { customInspect: false, depth: 0, maxStringLength: 0 }))
  return shown !== undefined && /^[^{]*\{\s*<pending>/.test(shown)
}

function endingBy(callback: Callback, end: () => void): Callback {
  return (...args) => {
    try {
      return callback(...args)
    } finally {
      end()
    }
  }
}

/** Made for the first listener, so that nobody else pays for it. */
let users: AsyncLocalStorage<ListeningUser> | undefined

/** Runs listeners of the pool's events, which may use the client as pg's, also after what they wait for, whoever has borrowed it meanwhile. */
export function asItself(client: unknown, work: () => readonly unknown[] | void): void {
  if (!(client instanceof pg.Client)) return void work()
  users ??= new AsyncLocalStorage()
  const user = new ListeningUser(client)
  users.run(user, () => user.run(work))
}

/** The listener that uses this client now. */
export function listeningUserOf(client: pg.Client): ListeningUser | undefined {
  const user = users?.getStore()
  return user?.client === client && user.listens ? user : undefined
}
