import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from './prisma-client.js'
import { undone } from './undone.js'

const textOf = async (db, id) => (await db.note.findUnique({ where: { id } }))?.text

export const prisma = {
  name: 'Prisma',
  package: '@prisma/adapter-pg',
  give: (pool) => new PrismaClient({ adapter: new PrismaPg(pool) }),
  operations: (db) => ({
    read: (id) => textOf(db, id),
    write: (id, text) => db.note.create({ data: { id, text } }),
    rolledBack: (id, text) =>
      undone(
        (work) => db.$transaction(work),
        async (tx) => {
          await tx.note.create({ data: { id, text } })
          return textOf(tx, id)
        },
      ),
    lockedRead: (id, whileLocked) =>
      db.$transaction(async (tx) => {
        const rows = await tx.$queryRaw`select text from notes where id = ${id} for update`
        await whileLocked()
        return rows[0]?.text
      }),
    end: () => db.$disconnect(),
  }),
}
