import pg from 'pg'
import { pgTransaction } from '../pg-transaction.ts'
import type { Contender, Servers } from './contender.ts'

/** node-postgres knows nothing of replicas: two pools, and the app picks. */
export function rawPg({ primary, replicas: [near = primary], max }: Servers): Contender {
  const poolOf = (connectionString: string): pg.Pool =>
    new pg.Pool({ connectionString, max }).on('error', () => undefined)
  const [writes, reads] = [poolOf(primary), poolOf(near)]

  const transaction = (work: (client: pg.PoolClient) => Promise<unknown>): Promise<void> => pgTransaction(writes, work)

  const read = async (id: number, pool: pg.Pool): Promise<number | undefined> => {
    const { rows } = await pool.query<{ balance: number }>('select balance from accounts where id = $1', [id])
    return rows[0]?.balance
  }

  async function writeThenRead(id: number, balance: number, pool: pg.Pool): Promise<number | undefined> {
    await writes.query('update accounts set balance = $2 where id = $1', [id, balance])
    return read(id, pool)
  }

  return {
    name: 'pg, two pools',
    read: (id) => read(id, reads),
    one: (id) => transaction((client) => client.query('update accounts set balance = balance - 1 where id = $1', [id])),
    three: (id, to) =>
      transaction(async (client) => {
        await client.query('select balance from accounts where id = $1', [id])
        await client.query('update accounts set balance = balance - 1 where id = $1', [id])
        await client.query('update accounts set balance = balance + 1 where id = $1', [to])
      }),
    writeThenRead: (id, balance) => writeThenRead(id, balance, reads),
    writeThenReadPrimary: (id, balance) => writeThenRead(id, balance, writes),
    end: async () => void (await Promise.all([writes.end(), reads.end()])),
  }
}
