import { eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text as textColumn } from 'drizzle-orm/pg-core'
import { undone } from './undone.js'

const notes = pgTable('notes', { id: integer().primaryKey(), text: textColumn().notNull() })
const select = (db, id) => db.select().from(notes).where(eq(notes.id, id))

const program = {
  name: 'Drizzle',
  package: 'drizzle-orm',
  give: (pool) => drizzle({ client: pool }),
  operations: (db) => ({
    read: async (id) => (await select(db, id))[0]?.text,
    write: (id, text) => db.insert(notes).values({ id, text }),
    rolledBack: (id, text) =>
      undone(
        (work) => db.transaction(work),
        async (tx) => {
          await tx.insert(notes).values({ id, text })
          return (await select(tx, id))[0]?.text
        },
      ),
    lockedRead: (id, whileLocked) =>
      db.transaction(async (tx) => {
        const rows = await select(tx, id).for('update')
        await whileLocked()
        return rows[0]?.text
      }),
  }),
}

export { program as drizzle }
