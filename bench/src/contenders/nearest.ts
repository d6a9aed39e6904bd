import { createPool, type NearestPoolOptions } from 'pg-nearest'
import type { Contender } from './contender.ts'

/**
 * Ours: one pool that routes by itself, `pool.transaction()`, and a session around what must see its own writes, as a
 * request handler would have one.
 */
export function nearest(options: NearestPoolOptions): Contender {
  const pool = createPool(options)
  return {
    name: 'pg-nearest',
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
      pool.session(undefined, async () => {
        await pool.query('update accounts set balance = $2 where id = $1', [id, balance])
        const { rows } = await pool.query<{ balance: number }>('select balance from accounts where id = $1', [id])
        return rows[0]?.balance
      }),
    // The session sees to it.
    writeThenReadPrimary: undefined,
    end: () => pool.end(),
  }
}
