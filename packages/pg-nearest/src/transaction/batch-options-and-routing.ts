import type pg from 'pg'
import { withoutStatementName } from '../route/without-statement-name.ts'
import { describeValue } from '../error-messages/describe-value.ts'
import { checkNames } from '../error-messages/unknown-name.ts'
import { OptionError } from '../errors.ts'
import { isSubmittable, parseQueryArguments } from '../execute/parse-query-arguments.ts'
import { queryTimeoutOf, type Request, type RouteOptions } from '../route/request.ts'
import type { LearnedWrites } from '../statement/learned-writes.ts'
import { factsOf } from '../statement/text-facts.ts'
import type { Served, Transaction } from '../route/query-types.ts'
import type { TransactionOptions } from './transaction.ts'

/** One statement of {@link RoutedPool.batch}: its text, or as `query` takes it. */
export type BatchStatement = string | ((pg.QueryConfig | pg.QueryArrayConfig) & Pick<RouteOptions, 'route'>)

/** How one statement of a batch ended: with its result, or with its error. */
export type BatchOutcome = PromiseSettledResult<Served<pg.QueryResult>>

/** Options of {@link RoutedPool.batch}. */
export interface BatchOptions {
  /** Aborting it cancels what runs. What has not been answered by then rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds that the batch may take in all. Default: no limit, but for each statement the pool's `timeoutMs`. */
  readonly timeoutMs?: number | undefined
}

/** Options of {@link RoutedPool.batch} in one transaction. */
export interface BatchTransactionOptions extends Omit<TransactionOptions, 'readOnly'> {
  readonly transaction: true
}

const NAMES: readonly (keyof (BatchOptions & BatchTransactionOptions))[] = [
  'signal',
  'timeoutMs',
  'transaction',
  'isolationLevel',
  'retries',
]

/** @throws OptionError for a name that is none. */
export function checkBatchOptions(options: BatchOptions | BatchTransactionOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError(
      'options',
      `The options of batch() must be an object, but they are ${describeValue(options)}.`,
    )
  }
  checkNames(options, NAMES)
  const { transaction, signal, isolationLevel, retries } = options as Partial<BatchTransactionOptions>
  if (transaction !== undefined && typeof transaction !== 'boolean') {
    throw new OptionError('transaction', `transaction must be true or false, but it is ${describeValue(transaction)}.`)
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new OptionError('signal', 'signal must be an AbortSignal, such as AbortSignal.timeout(1_000).')
  }
  if (transaction === true || (isolationLevel === undefined && retries === undefined)) return
  throw new OptionError('transaction', 'isolationLevel and retries of batch() need { transaction: true }.')
}

/** @internal @throws OptionError or TypeError for what cannot be part of a batch, and then none of it is sent. */
export function parseBatch(statements: readonly BatchStatement[]): readonly Request[] {
  if (!Array.isArray(statements)) {
    throw new OptionError('statements', `batch() takes an array of statements, but it is ${describeValue(statements)}.`)
  }
  return Array.from(statements as readonly BatchStatement[], parseStatement)
}

function parseStatement(statement: BatchStatement, at: number): Request {
  const bad = (what: string): OptionError => new OptionError(`statements[${at}]`, `statements[${at}] ${what}`)
  if (isSubmittable(statement)) throw bad('is a cursor or a stream: take a client with pool.connect() for it.')
  const { request } = parseQueryArguments(statement, undefined, undefined)
  const config = withoutStatementName(request.config)
  if (typeof config.text !== 'string') throw bad('has no text.')
  const facts = factsOf(config.text)
  if (facts.is('readsFromClient')) throw bad('may be a COPY from the client: take a client with pool.connect() for it.')
  if (facts.need.class === 'transaction') {
    throw bad(
      'begins or ends a transaction: give all of it to batch() with { transaction: true }, or to transaction().',
    )
  }
  const { signal, timeoutMs, consistency } = request
  if (signal !== undefined || timeoutMs !== undefined || queryTimeoutOf(config) !== undefined) {
    throw bad('has a limit of its own, and would end its neighbours with it: give signal and timeoutMs to the batch.')
  }
  if (consistency !== undefined) throw bad('has a consistency of its own: give that to a session, and the batch to it.')
  return { ...request, config: withoutRows(config) }
}

/** Fetched page by page, it would keep the connection to itself. */
function withoutRows(config: pg.QueryConfig): pg.QueryConfig {
  if (!('rows' in config)) return config
  const { rows: _rows, ...rest } = config as pg.QueryConfig & { readonly rows?: unknown }
  return rest
}

/** @internal Reads ahead of the first write go where reads go; from there on everything goes to the primary, so that each sees what was before it. */
export function routeBatch(requests: readonly Request[], known: LearnedWrites): readonly Request[] {
  const writes = requests.findIndex(({ config, route }) => {
    const { need, learned } = known.needOf(config.text)
    return route === 'primary' || learned || need.class !== 'read'
  })
  if (writes < 0) return requests
  return requests.map((request, i) => (i < writes ? request : { ...request, route: 'primary' as const }))
}

/**
 * Gives all to a transaction at once, and COMMIT with the last of them.
 *
 * @throws the first of their errors.
 * @internal
 */
export async function runBatch(tx: Transaction, requests: readonly Request[]): Promise<Served<pg.QueryResult>[]> {
  const last = requests.length - 1
  const results = requests.map(({ config }, i) => (i < last ? tx.query(config) : tx.commitWith(config)))
  const outcomes = await Promise.allSettled(results)
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return Promise.all(results)
}
