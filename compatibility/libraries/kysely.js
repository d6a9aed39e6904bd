import { Kysely, PostgresDialect, sql } from 'kysely'
import { SLOW } from './slow.js'
import { undone } from './undone.js'

const textOf = (db, id) => db.selectFrom('notes').select('text').where('id', '=', id)
const insert = (db, id, text) => db.insertInto('notes').values({ id, text }).execute()

export const kysely = {
  name: 'Kysely',
  package: 'kysely',
  give: (pool) => new Kysely({ dialect: new PostgresDialect({ pool }) }),
  operations: (db) => ({
    read: async (id) => (await textOf(db, id).executeTakeFirst())?.text,
    write: (id, text) => insert(db, id, text),
    rolledBack: (id, text) =>
      undone(
        (work) => db.transaction().execute(work),
        async (tx) => {
          await insert(tx, id, text)
          return (await textOf(tx, id).executeTakeFirst())?.text
        },
      ),
    lockedRead: (id, whileLocked) =>
      db.transaction().execute(async (tx) => {
        const row = await textOf(tx, id).forUpdate().executeTakeFirst()
        await whileLocked()
        return row?.text
      }),
    cancels: '`signal`, with `cancel query`',
    cancel: (kind, signal) => sql.raw(SLOW[kind]).execute(db, { signal, inflightQueryAbortStrategy: 'cancel query' }),
    end: () => db.destroy(),
  }),
}
