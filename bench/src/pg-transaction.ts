import type pg from 'pg'

/**
 * As node-postgres documents it: one client for all statements; `BEGIN`, the statements, `COMMIT`; `ROLLBACK` if one throws;
 * release the client in any case.
 *
 * @see https://node-postgres.com/features/transactions
 */
export async function pgTransaction(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<unknown>): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await work(client)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}
