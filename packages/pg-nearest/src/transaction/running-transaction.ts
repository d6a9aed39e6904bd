import { codeOf } from '../driver-errors.ts'
import { causesOf, isNearestError, isOutcomeUnknownError, lookAt, NearestError } from '../errors.ts'
import { callbackIn, isSubmittable } from '../execute/parse-query-arguments.ts'
import type { RoutedClient, Transaction } from '../route/query-types.ts'
import { mayCommit } from '../statement/may-ask-position.ts'
import { factsOf } from '../statement/text-facts.ts'
import { textOf } from '../cursor/text-of.ts'

/** The client of a transaction. */
export interface TransactionClient {
  readonly query: RoutedClient['query']
  /** Of its latest query, as that was read, unless it was a cursor, a stream or a COPY. */
  readonly latestText: unknown
  /** Whether COMMIT may be sent behind its latest query before that is answered: only if nothing but the server can make it fail. */
  mayPrecedeCommit(): boolean
  /** From now on, a cursor, a stream or a COPY that is left open loses its connection. Returns what ends that. */
  endLeftOpenStream(): () => void
}

/** A transaction while its function runs, and its COMMIT. */
export class RunningTransaction {
  /** What the function is given. */
  readonly handle: Transaction
  readonly #client: TransactionClient
  /** The promise of the latest query, and whether COMMIT may be sent behind that. */
  #last: { readonly promise: Promise<unknown>; readonly mayPrecede: boolean } | undefined
  /** The errors of its statements, in their order. */
  readonly #failures = new Set<unknown>()
  #over = false
  #committed: Promise<void> | undefined
  #mayCommitItself = false
  /** How its COMMIT has ended: with no error, or with this one. */
  #outcome: { readonly error: unknown } | 'committed' | undefined

  constructor(client: TransactionClient) {
    this.#client = client
    const query = (...args: Parameters<RoutedClient['query']>): unknown => this.#query(args)
    const commitWith = (first: unknown, second: unknown): Promise<unknown> => {
      const promise = this.#commitWith([first, second])
      // As in `#query`.
      promise.catch(ignore)
      return promise
    }
    this.handle = { query: query as Transaction['query'], commitWith: commitWith as Transaction['commitWith'] }
  }

  /** The function has ended, or thrown: what it asks for from now on is refused. */
  end(): void {
    this.#over = true
  }

  /**
   * Sends COMMIT behind the latest query at once, if the function has returned that query's own promise: nothing but its failure, after which
   * COMMIT rolls back, can be a reason against it.
   */
  returned(value: unknown): void {
    if (this.#last?.mayPrecede === true && value === this.#last.promise) void this.commit().catch(ignore)
  }

  /** Waits for a COMMIT that has been sent, however it ends. */
  async settled(): Promise<void> {
    await this.#committed?.catch(ignore)
  }

  /** Its function has given a statement that may have committed it: what has failed since is no reason to run it again. */
  get mayCommitItself(): boolean {
    return this.#mayCommitItself
  }

  /** Its COMMIT has ended, and not by a refusal of the server's. To be asked once it has {@link settled}. */
  get mayBeCommitted(): boolean {
    const outcome = this.#outcome
    return outcome === 'committed' || isOutcomeUnknownError(outcome?.error)
  }

  /** COMMIT has been sent. */
  get commits(): boolean {
    return this.#committed !== undefined
  }

  /**
   * What its caller is told instead of an error that its function has ended with, once it has {@link settled}: nobody may take for rolled
   * back what was committed behind a statement whose rows a type parser cannot read, or ahead of an abort.
   *
   * @param isGivenUp - the error is the reason of an abort.
   */
  told(error: unknown, isGivenUp = false): unknown {
    const outcome = this.#outcome
    if (outcome === 'committed') {
      return isGivenUp || this.#failures.has(error) ? committedError(error, isGivenUp) : error
    }
    const failure = isGivenUp ? outcome?.error : error
    const lost = lostCommitBefore(failure) ?? failure
    return isOutcomeUnknownError(lost) ? lost : error
  }

  /**
   * Sends COMMIT, unless it is on its way.
   *
   * @throws the first failure of a query, if that has rolled it back.
   */
  commit(): Promise<void> {
    this.#over = true
    return (this.#committed ??= this.#sendCommit())
  }

  async #sendCommit(): Promise<void> {
    const forget = this.#client.endLeftOpenStream()
    try {
      const { command } = await this.#client.query('commit')
      if (command === 'ROLLBACK') throw rolledBack([...this.#failures][0])
      this.#outcome = 'committed'
    } catch (error) {
      this.#outcome = { error }
      throw error
    } finally {
      forget()
    }
  }

  #query(args: Parameters<RoutedClient['query']>): unknown {
    if (this.#over) return refuse(args)
    const [query] = args
    // Looked at ahead, because it may throw, and once it is sent nobody would hear of its end.
    const isStream = isSubmittable(query)
    const streamed = isStream ? textOf(query) : undefined
    const promise: unknown = this.#client.query(...args)
    this.#mayCommitItself ||= mayCommitText(isStream ? streamed : this.#client.latestText, isStream)
    this.#last = undefined
    if (!(promise instanceof Promise)) return promise
    // It may not be awaited, and an unhandled rejection would end the process.
    promise.catch((error: unknown) => this.#failures.add(error))
    this.#last = { promise, mayPrecede: this.#client.mayPrecedeCommit() }
    return promise
  }

  async #commitWith([query, values]: readonly [unknown, unknown]): Promise<unknown> {
    const hasCallback = typeof values === 'function' || callbackIn(query) !== undefined
    if (hasCallback || isSubmittable(query)) throw new TypeError(ONLY_PROMISES)
    const result: unknown = this.#query([query, values] as never)
    this.#over = true
    // It had no callback when it was looked at.
    if (!(result instanceof Promise)) throw new TypeError(ONLY_PROMISES)
    const last = this.#last
    const mayPrecede = last?.promise === result && last.mayPrecede
    const committed = mayPrecede ? this.commit() : result.then(() => this.commit())
    committed.catch(ignore)
    // Its own error says more than that of the COMMIT behind it, which must have been answered, too.
    await Promise.allSettled([result, committed])
    try {
      await result
    } catch (error) {
      throw this.told(error)
    }
    await committed
    return result
  }
}

/** @param isUnknown - what it does where it has no text. */
function mayCommitText(text: unknown, isUnknown: boolean): boolean {
  return typeof text === 'string' ? mayCommit(factsOf(text).need) : isUnknown
}

/** What became of a COMMIT that its function has given by itself, if nobody knows that, and the function has not passed it on. */
function lostCommitBefore(error: unknown): unknown {
  const isLost = isNearestError(error) && codeOf(error) === 'NEAREST_CONNECTION_LOST'
  return isLost ? [...causesOf(error)][1] : undefined
}

const ONLY_PROMISES =
  'commitWith() takes a query and its values, and returns a promise: give cursors, streams and queries with a callback to query().'

/** COMMIT or ROLLBACK is on its way, and what is given now would run behind it, on its own. */
function refuse(args: readonly unknown[]): Promise<never> | void {
  const error = new NearestError(
    'NEAREST_TRANSACTION_OVER',
    'The transaction is over, because its function has ended, or has asked for its last statement with commitWith(): what it asks for afterwards would not be part of it. Let the function wait for all of its statements, for instance with Promise.all().',
  )
  const [query] = args
  // Has no promise; and a COPY has a method of the name `callback`, which tells nobody.
  if (isSubmittable(query)) throw error
  const callback = args.find((arg) => typeof arg === 'function') ?? callbackIn(query)
  if (typeof callback === 'function') return void process.nextTick(callback, error)
  return Promise.reject(error)
}

function inBrackets(cause: unknown): string {
  return lookAt(() => (cause instanceof Error ? ` (${cause.message})` : '')) ?? ''
}

function rolledBack(cause: unknown): NearestError {
  const why = inBrackets(cause)
  return new NearestError(
    'NEAREST_ROLLED_BACK',
    `The transaction was rolled back: one of its statements had failed${why}, and its error was not passed on. Let it throw, or use a savepoint.`,
    { cause },
  )
}

function committedError(cause: unknown, isGivenUp: boolean): NearestError {
  const why = inBrackets(cause)
  const what = isGivenUp
    ? `it was given up${why}`
    : `one of its statements has failed here${why}, such as by a type parser that throws on its rows`
  return new NearestError(
    'NEAREST_COMMITTED',
    `The transaction was committed, although ${what}, because its COMMIT was on its way already: do not repeat it.`,
    { cause },
  )
}

function ignore(): void {}
