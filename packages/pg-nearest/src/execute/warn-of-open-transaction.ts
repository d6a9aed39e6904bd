import { NearestError } from '../errors.ts'

/** The pools that have been warned. */
const warned = new WeakSet<object>()

/**
 * Warns, once for each pool, that `pool.query()` has begun a transaction: its connection is closed, as no other statement would be part
 * of it. `pg.Pool` keeps silent, and whoever gets the connection next is inside. Not refused, because a text of several statements may
 * end what it has begun, which only the server knows.
 */
export function warnOfOpenTransaction(pool: object): void {
  if (warned.has(pool)) return
  warned.add(pool)
  process.emitWarning(
    'A statement of pool.query() began a transaction and did not end it, so it was rolled back: each pool.query() may run on another ' +
      'connection. Use pool.transaction(async (tx) => …), or a client of pool.connect().',
    { type: 'PgNearestWarning', code: 'NEAREST_OPEN_TRANSACTION' },
  )
}

/** For a BEGIN by itself, of which that is certain. */
export function beginOnPoolError(): NearestError {
  return new NearestError(
    'NEAREST_POOL_TRANSACTION',
    'pool.query() cannot begin a transaction, because each of its statements may run on another connection, so that its ROLLBACK would undo ' +
      'nothing: use pool.transaction(async (tx) => …), or a client of pool.connect(). (With one server and max: 1 it can.)',
  )
}
