import type pg from 'pg'
import { NearestError, OptionError } from '../errors.ts'

/** Options of {@link RoutedPool.transaction}. */
export interface TransactionOptions {
  /** The server refuses every write, and a replica may run it: the nearest one does. Default false. */
  readonly readOnly?: boolean | undefined
  /** Default: the server's, which is `read committed` unless somebody changed it. `serializable` runs on the primary. */
  readonly isolationLevel?: 'read committed' | 'repeatable read' | 'serializable' | undefined
  /** Aborting it cancels the statement that runs and rolls back. */
  readonly signal?: AbortSignal | undefined
}

const ISOLATION_LEVELS: ReadonlySet<unknown> = new Set(['read committed', 'repeatable read', 'serializable'])

export function beginText({ readOnly, isolationLevel }: TransactionOptions): string {
  if (isolationLevel !== undefined && !ISOLATION_LEVELS.has(isolationLevel)) {
    const allowed = [...ISOLATION_LEVELS].join('", "')
    throw new OptionError('isolationLevel', `"isolationLevel" must be one of "${allowed}".`)
  }
  const level = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`
  return `begin${level}${readOnly === true ? ' read only' : ''}`
}

/** Runs `work` between BEGIN and COMMIT, or ROLLBACK if it throws. */
export async function runTransaction<T>(
  client: pg.PoolClient,
  options: TransactionOptions,
  work: () => T | Promise<T>,
): Promise<T> {
  const { signal } = options
  const abort = signal === undefined ? {} : { signal }
  try {
    await client.query({ text: beginText(options), ...abort })
    const value = await work()
    const { command } = await client.query({ text: 'commit', ...abort })
    if (command === 'ROLLBACK') throw rolledBack()
    return value
  } catch (error) {
    if (client.getTransactionStatus() !== 'I') await client.query('rollback').catch(() => undefined)
    throw error
  } finally {
    client.release()
  }
}

function rolledBack(): NearestError {
  return new NearestError(
    'NEAREST_ROLLED_BACK',
    'The transaction was rolled back: one of its statements had failed, and its error was not passed on. Let it throw, or use a savepoint.',
  )
}
