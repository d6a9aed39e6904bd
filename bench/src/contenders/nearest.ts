import { createPool, type NearestPoolOptions } from 'pg-nearest'
import type { Contender } from './contender.ts'

/**
 * Ours: one pool that routes by itself, `pool.transaction()`, and a session around what must see its own writes, as a
 * request handler would have one.
 *
 * @param session - `process`: without one, so that all of the process must show what any part of it has written.
 */
export function nearest(options: NearestPoolOptions, session: 'request' | 'process' = 'request'): Contender {
  const pool = createPool(options)
  const inSession = <T>(work: () => T): T => (session === 'request' ? pool.session(undefined, work) : work())
  const read = async (id: number): Promise<number | undefined> => {
    const { rows } = await pool.query<{ balance: number }>('select balance from accounts where id = $1', [id])
    return rows[0]?.balance
  }
  return {
    name: 'pg-nearest',
    read,
    one: (id) =>
      pool.transaction(async (tx) => {
        await tx.query('update accounts set balance = balance - 1 where id = $1', [id])
      }),
    three: (id, to) =>
      pool.transaction(async (tx) => {
        await tx.query('select balance from accounts where id = $1', [id])
        await tx.query('update accounts set balance = balance - 1 where id = $1', [id])
        await tx.query('update accounts set balance = balance + 1 where id = $1', [to])
      }),
    writeThenRead: (id, balance) =>
      inSession(async () => {
        await pool.query('update accounts set balance = $2 where id = $1', [id, balance])
        return read(id)
      }),
    // The session sees to it.
    writeThenReadPrimary: undefined,
    end: () => pool.end(),
  }
}
