import pg from 'pg'
import { pgTransaction } from '../pg-transaction.ts'
import type { Mover, Servers } from './contender.ts'

/** As in `config.active_record.database_selector = { delay: 2.seconds }`. */
const DELAY_MS = 2_000

/**
 * What Rails' automatic switching between roles decides, written down for node-postgres, because Rails itself does not run here: reads go to the
 * replica, except for two seconds after a write of the same user, whether the replica has that or not.
 *
 * @see https://guides.rubyonrails.org/active_record_multiple_databases.html#activating-automatic-role-switching
 */
export function railsRule({ primary, replicas: [near = primary], max }: Servers): Mover {
  const [writes, reads] = [primary, near].map((connectionString) => {
    const pool = new pg.Pool({ connectionString, max })
    return pool.on('error', () => undefined)
  }) as [pg.Pool, pg.Pool]
  let wroteAt = Number.NEGATIVE_INFINITY
  const read = async (id: number): Promise<number | undefined> => {
    const pool = performance.now() - wroteAt < DELAY_MS ? writes : reads
    const { rows } = await pool.query<{ balance: number }>('select balance from accounts where id = $1', [id])
    return rows[0]?.balance
  }
  return {
    name: 'the rule of Rails, on two pools',
    read,
    one: (id) =>
      pgTransaction(writes, (client) => client.query('update accounts set balance = balance - 1 where id = $1', [id])),
    writeThenRead: async (id, balance) => {
      await writes.query('update accounts set balance = $2 where id = $1', [id, balance])
      wroteAt = performance.now()
      return read(id)
    },
    end: async () => void (await Promise.all([writes.end(), reads.end()])),
  }
}
