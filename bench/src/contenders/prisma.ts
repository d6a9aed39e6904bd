import { PrismaPg } from '@prisma/adapter-pg'
import { readReplicas } from '@prisma/extension-read-replicas'
import type { Contender, Servers } from './contender.ts'
import { PrismaClient } from './prisma/generated/client.ts'

/**
 * Prisma's documentation on read replicas: a client for each server, each with a driver adapter, and the extension
 * `readReplicas({ replicas })`, which sends reads outside of transactions to a replica, everything else to the primary;
 * `$primary()` for a read that must come from the primary. On transactions whose statements depend on each other:
 * `$transaction(async (tx) => …)`. The generated client is committed; prisma/README.md says how it was made.
 *
 * @see https://www.prisma.io/docs/orm/v7/prisma-client/setup-and-configuration/read-replicas
 * @see https://www.prisma.io/docs/orm/prisma-client/queries/transactions
 */
export function prisma({ primary, replicas, max }: Servers): Contender {
  const connect = (connectionString: string) => new PrismaClient({ adapter: new PrismaPg({ connectionString, max }) })
  const db = connect(primary).$extends(readReplicas({ replicas: replicas.map(connect) }))

  const read = async (id: number): Promise<number | undefined> =>
    (await db.account.findUnique({ where: { id } }))?.balance

  return {
    name: 'Prisma 7, readReplicas',
    read,
    one: (id) => db.$transaction((tx) => tx.account.update({ where: { id }, data: { balance: { decrement: 1 } } })),
    three: (id, to) =>
      db.$transaction(async (tx) => {
        await tx.account.findUnique({ where: { id } })
        await tx.account.update({ where: { id }, data: { balance: { decrement: 1 } } })
        await tx.account.update({ where: { id: to }, data: { balance: { increment: 1 } } })
      }),
    writeThenRead: async (id, balance) => {
      await db.account.update({ where: { id }, data: { balance } })
      return read(id)
    },
    writeThenReadPrimary: async (id, balance) => {
      await db.account.update({ where: { id }, data: { balance } })
      return (await db.$primary().account.findUnique({ where: { id } }))?.balance
    },
    end: () => db.$disconnect(),
  }
}
