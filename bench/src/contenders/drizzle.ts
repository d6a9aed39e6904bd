import { eq, sql } from 'drizzle-orm'
import { drizzle as connect } from 'drizzle-orm/node-postgres'
import { integer, pgTable, withReplicas } from 'drizzle-orm/pg-core'
import pg from 'pg'
import type { Contender, Servers } from './contender.ts'

const accounts = pgTable('accounts', {
  id: integer('id').primaryKey(),
  balance: integer('balance').notNull(),
})

/**
 * Drizzle's documentation on read replicas: `withReplicas(primaryDb, [read1, …])`, which sends selects to a replica and
 * everything else to the primary; `db.$primary` for a read that must come from the primary.
 *
 * @see https://orm.drizzle.team/docs/read-replicas
 * @see https://orm.drizzle.team/docs/transactions
 */
export function drizzle({ primary, replicas, max }: Servers): Contender {
  const poolOf = (connectionString: string): pg.Pool =>
    new pg.Pool({ connectionString, max }).on('error', () => undefined)
  const writes = poolOf(primary)
  const reads = replicas.map(poolOf)
  const [first, ...others] = reads.map((client) => connect({ client }))
  if (first === undefined) throw new RangeError('There is no replica.')
  const db = withReplicas(connect({ client: writes }), [first, ...others])
  const plus = (amount: number) => ({ balance: sql`${accounts.balance} + ${amount}` })

  const write = (id: number, balance: number): Promise<unknown> =>
    db.update(accounts).set({ balance }).where(eq(accounts.id, id))

  const read = async (id: number): Promise<number | undefined> => {
    const [row] = await db.select({ balance: accounts.balance }).from(accounts).where(eq(accounts.id, id))
    return row?.balance
  }

  return {
    name: 'Drizzle, withReplicas',
    read,
    one: (id) => db.transaction((tx) => tx.update(accounts).set(plus(-1)).where(eq(accounts.id, id))),
    three: (id, to) =>
      db.transaction(async (tx) => {
        await tx.select({ balance: accounts.balance }).from(accounts).where(eq(accounts.id, id))
        await tx.update(accounts).set(plus(-1)).where(eq(accounts.id, id))
        await tx.update(accounts).set(plus(1)).where(eq(accounts.id, to))
      }),
    writeThenRead: async (id, balance) => {
      await write(id, balance)
      return read(id)
    },
    writeThenReadPrimary: async (id, balance) => {
      await write(id, balance)
      const [row] = await db.$primary.select({ balance: accounts.balance }).from(accounts).where(eq(accounts.id, id))
      return row?.balance
    },
    end: async () => void (await Promise.all([writes, ...reads].map((pool) => pool.end()))),
  }
}
