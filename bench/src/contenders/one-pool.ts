import pg from 'pg'
import { pgTransaction } from '../pg-transaction.ts'
import type { Mover, Servers } from './contender.ts'

/** Replicas are not asked at all. */
export function onePool({ primary, max }: Servers): Mover {
  const pool = new pg.Pool({ connectionString: primary, max })
  pool.on('error', () => undefined)
  const read = async (id: number): Promise<number | undefined> => {
    const { rows } = await pool.query<{ balance: number }>('select balance from accounts where id = $1', [id])
    return rows[0]?.balance
  }
  return {
    name: 'one pg.Pool, on the primary',
    read,
    one: (id) =>
      pgTransaction(pool, (client) => client.query('update accounts set balance = balance - 1 where id = $1', [id])),
    writeThenRead: async (id, balance) => {
      await pool.query('update accounts set balance = $2 where id = $1', [id, balance])
      return read(id)
    },
    end: () => pool.end(),
  }
}
