import type { BorrowedClient } from '../client/borrowed-client.ts'
import { isOutcomeUnknownError, NearestError, OptionError } from '../errors.ts'
import { unlessAborted } from '../limits/unless-aborted.ts'
import { describeValue } from '../error-messages/describe-value.ts'
import { checkNames } from '../error-messages/unknown-name.ts'
import { isSubmittable } from '../route/parse-query-arguments.ts'
import type { RoutedClient, Transaction } from './query-types.ts'

/** Options of {@link RoutedPool.transaction}. */
export interface TransactionOptions {
  /**
   * The server refuses writes, and the transaction may run on a replica: the nearest one that shows what the session had written and
   * seen when it began. What the session writes meanwhile may not show. Default false.
   */
  readonly readOnly?: boolean | undefined
  /** Default: the server's `default_transaction_isolation`. `serializable` runs on the primary. */
  readonly isolationLevel?: 'read committed' | 'repeatable read' | 'serializable' | undefined
  /**
   * How often to run `work` again after a serialization failure (40001), a deadlock (40P01), or a connection that died before COMMIT.
   * 0 to 100; default 0. Before the tries it waits up to 10 ms, 20 ms, 40 ms … 1 s. A COMMIT of unknown outcome is never repeated.
   */
  readonly retries?: number | undefined
  /** Aborting it cancels the running statement, ends an open stream, cursor or COPY with its reason, and rolls back. */
  readonly signal?: AbortSignal | undefined
  /**
   * Milliseconds that it may take in all, retries included; then it is rolled back as if aborted, whatever `work` is waiting for.
   * Default: no limit.
   */
  readonly timeoutMs?: number | undefined
}

const MOST_RETRIES = 100
const ISOLATION_LEVELS: ReadonlySet<unknown> = new Set(['read committed', 'repeatable read', 'serializable'])

export function beginText({ readOnly, isolationLevel }: TransactionOptions): string {
  if (isolationLevel !== undefined && !ISOLATION_LEVELS.has(isolationLevel)) {
    const allowed = [...ISOLATION_LEVELS].join('", "')
    throw new OptionError('isolationLevel', `isolationLevel must be one of "${allowed}".`)
  }
  const level = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`
  return `begin${level}${readOnly === true ? ' read only' : ''}`
}

const NAMES: readonly (keyof TransactionOptions)[] = ['readOnly', 'isolationLevel', 'retries', 'signal', 'timeoutMs']

/** @throws OptionError for a name that is none, because a mistyped `readOnly` would let it write. */
export function checkTransactionOptions(options: TransactionOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError(
      'options',
      `The options of transaction() must be an object such as { readOnly: true }, but they are ${describeValue(options)}.`,
    )
  }
  checkNames(options, NAMES)
  if (options.readOnly !== undefined && typeof options.readOnly !== 'boolean') {
    throw new OptionError('readOnly', `readOnly must be true or false, but it is ${describeValue(options.readOnly)}.`)
  }
}

/** @throws OptionError for a number that is not allowed. */
export function retriesOf({ retries = 0 }: TransactionOptions): number {
  if (Number.isInteger(retries) && retries >= 0 && retries <= MOST_RETRIES) return retries
  throw new OptionError('retries', `retries must be a whole number from 0 to ${MOST_RETRIES}.`)
}

type TransactionClient = RoutedClient & Pick<BorrowedClient, 'endStream'>

/**
 * Runs `work` between BEGIN and COMMIT, or ROLLBACK if it throws. The COMMIT does not wait for statements that `work` did not await;
 * if one of them fails, the COMMIT rejects.
 */
export async function runTransaction<T>(
  client: TransactionClient,
  options: TransactionOptions,
  work: (transaction: Transaction) => T | Promise<T>,
): Promise<T> {
  const { signal } = options
  let firstFailure: { readonly error: unknown } | undefined
  let over = false
  const query = (...args: Parameters<RoutedClient['query']>): unknown => {
    if (over) return refuse(args)
    const result: unknown = client.query(...args)
    // It may not be awaited, and an unhandled rejection would end the process.
    if (result instanceof Promise) result.catch((error: unknown) => (firstFailure ??= { error }))
    return result
  }
  try {
    signal?.throwIfAborted()
    await client.query(beginText(options))
    let value: T
    try {
      const working = Promise.resolve(work({ query: query as RoutedClient['query'] }))
      value = await (signal === undefined ? working : unlessAborted(working, signal))
    } finally {
      over = true
    }
    signal?.throwIfAborted()
    const { command } = await client.query('commit')
    if (command === 'ROLLBACK') throw rolledBack(firstFailure?.error)
    return value
  } catch (error) {
    if (client.getTransactionStatus() !== 'I') await rollBack(client)
    throw signal?.aborted === true && !isOutcomeUnknownError(error) ? signal.reason : error
  } finally {
    client.release()
  }
}

/** How long what is being read or copied has to end before a ROLLBACK, which would otherwise wait for ever for what nobody reads any more. */
const OPEN_STREAM_MS = 1_000

async function rollBack(client: TransactionClient): Promise<void> {
  const end = (): void => client.endStream('The transaction was rolled back, because its function has failed')
  const leftOpen = setInterval(end, OPEN_STREAM_MS)
  await client.query('rollback').catch(() => undefined)
  clearInterval(leftOpen)
}

/** COMMIT or ROLLBACK is on its way, and what is given now would run behind it, on its own. */
function refuse(args: readonly unknown[]): Promise<never> | void {
  const error = new NearestError(
    'NEAREST_TRANSACTION_OVER',
    'The transaction is over, because its function has ended: what it asks for afterwards would not be part of it. Let the function wait for all of its statements, for instance with Promise.all().',
  )
  const [query] = args
  // Has no promise; and a COPY has a method of the name `callback`, which tells nobody.
  if (isSubmittable(query)) throw error
  const callback =
    args.find((arg) => typeof arg === 'function') ?? (query as { readonly callback?: unknown } | undefined)?.callback
  if (typeof callback === 'function') return void process.nextTick(callback, error)
  return Promise.reject(error)
}

function rolledBack(cause: unknown): NearestError {
  const why = cause instanceof Error ? ` (${cause.message})` : ''
  return new NearestError(
    'NEAREST_ROLLED_BACK',
    `The transaction was rolled back: one of its statements had failed${why}, and its error was not passed on. Let it throw, or use a savepoint.`,
    { cause },
  )
}
