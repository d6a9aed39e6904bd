import type { BorrowedClient } from '../client/borrowed-client.ts'
import { isOutcomeUnknownError, OptionError } from '../errors.ts'
import { unlessAborted } from '../limits/unless-aborted.ts'
import { describeValue } from '../error-messages/describe-value.ts'
import { checkNames } from '../error-messages/unknown-name.ts'
import type { RoutedClient, Transaction } from '../route/query-types.ts'
import { RunningTransaction, type TransactionClient } from './running-transaction.ts'

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
   * 0 to 100; default 0. Before the tries it waits up to 10 ms, 20 ms, 40 ms … 1 s. A COMMIT of unknown outcome is never repeated, nor is
   * what was committed, nor what has given a COMMIT of its own.
   */
  readonly retries?: number | undefined
  /**
   * Aborting it cancels the running statement, ends an open stream, cursor or COPY with its reason, and rolls back. It rejects when that is
   * done, a round trip or four later; one that is `readOnly` rejects at once. Where COMMIT was on its way already, and is heard to be done, it
   * rejects with code `NEAREST_COMMITTED`.
   */
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

/**
 * Runs `work` between BEGIN and COMMIT, or ROLLBACK if it throws. The COMMIT does not wait for statements that `work` did not await, nor for
 * the one whose own promise it returns; if one of them fails, the COMMIT rejects, unless it has failed here alone: then what rejects says
 * that all is committed.
 * @internal
 */
export async function runTransaction<T>(
  client: RoutedClient & TransactionClient & Pick<BorrowedClient, 'endStream'>,
  options: TransactionOptions,
  work: (transaction: Transaction) => T | Promise<T>,
  forbidRetry: () => void,
): Promise<T> {
  const { signal, readOnly } = options
  const running = new RunningTransaction(client)
  // What only reads leaves nothing that its caller could still find.
  const orGivenUp = <V>(doing: Promise<V>): Promise<V> =>
    readOnly === true && signal !== undefined ? unlessAborted(doing, signal) : doing
  try {
    signal?.throwIfAborted()
    await orGivenUp(client.query(beginText(options)))
    let value: T
    try {
      const returned = work(running.handle)
      running.returned(returned)
      const working = Promise.resolve(returned)
      value = await (signal === undefined ? working : unlessAborted(working, signal))
    } finally {
      running.end()
    }
    if (!running.commits) signal?.throwIfAborted()
    await orGivenUp(running.commit())
    // Behind an abort it rejects, whatever became of it.
    signal?.throwIfAborted()
    client.release()
    return value
  } catch (error) {
    if (running.mayCommitItself) forbidRetry()
    const isGivenUp = signal?.aborted === true && !isOutcomeUnknownError(error)
    await orGivenUp(undo(client, running)).catch(ignore)
    if (running.mayBeCommitted) forbidRetry()
    throw running.told(isGivenUp ? signal.reason : error, isGivenUp && readOnly !== true)
  }
}

async function undo(
  client: RoutedClient & TransactionClient & Pick<BorrowedClient, 'endStream'>,
  running: RunningTransaction,
): Promise<void> {
  try {
    await running.settled()
    if (client.getTransactionStatus() !== 'I') await rollBack(client)
  } finally {
    client.release()
  }
}

function ignore(): void {}

/** How long what is being read or copied has to end before a ROLLBACK, which would otherwise wait for ever for what nobody reads any more. */
const OPEN_STREAM_MS = 1_000

async function rollBack(client: RoutedClient & Pick<BorrowedClient, 'endStream'>): Promise<void> {
  const end = (): void =>
    client.endStream(new Error('The transaction was rolled back, because its function has failed'))
  const leftOpen = setInterval(end, OPEN_STREAM_MS)
  await client.query('rollback').catch(() => undefined)
  clearInterval(leftOpen)
}
