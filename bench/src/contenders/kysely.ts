import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Contender, Servers } from './contender.ts'

interface Database {
  accounts: { id: number; balance: number }
}

/**
 * Kysely has no replicas of its own (the issue that asked for them, kysely-org/kysely#450, is closed): one instance for
 * each server, and the app picks. Its documentation on transactions: `db.transaction().execute(async (trx) => …)`.
 *
 * @see https://kysely.dev/docs/examples/transactions/simple-transaction
 */
export function kysely({ primary, replicas: [near = primary], max }: Servers): Contender {
  const connect = (connectionString: string): Kysely<Database> =>
    new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString, max }) }) })
  const writes = connect(primary)
  const reads = connect(near)

  const add = (db: Kysely<Database>, id: number, amount: number): Promise<unknown> =>
    db
      .updateTable('accounts')
      .set((eb) => ({ balance: eb('balance', '+', amount) }))
      .where('id', '=', id)
      .execute()
  const read = (db: Kysely<Database>, id: number): Promise<{ balance: number } | undefined> =>
    db.selectFrom('accounts').select('balance').where('id', '=', id).executeTakeFirst()

  async function writeThenRead(id: number, balance: number, db: Kysely<Database>): Promise<number | undefined> {
    await writes.updateTable('accounts').set({ balance }).where('id', '=', id).execute()
    return (await read(db, id))?.balance
  }

  return {
    name: 'Kysely, two instances',
    read: async (id) => (await read(reads, id))?.balance,
    one: (id) => writes.transaction().execute((trx) => add(trx, id, -1)),
    three: (id, to) =>
      writes.transaction().execute(async (trx) => {
        await read(trx, id)
        await add(trx, id, -1)
        await add(trx, to, 1)
      }),
    writeThenRead: (id, balance) => writeThenRead(id, balance, reads),
    writeThenReadPrimary: (id, balance) => writeThenRead(id, balance, writes),
    end: async () => void (await Promise.all([writes.destroy(), reads.destroy()])),
  }
}
