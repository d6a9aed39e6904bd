import pg from 'pg'

/** One connection of pg's own, beside the pools that are shown, which waits no longer than this for anything. */
export function impatientPool(url: string, patienceMs: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: patienceMs,
    query_timeout: patienceMs,
  })
  pool.on('error', () => undefined)
  return pool
}
