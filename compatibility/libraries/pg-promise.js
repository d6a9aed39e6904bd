import { pgModule } from 'pg-nearest/pg-module'
import initialize from 'pg-promise'
import { undone } from './undone.js'

const READ = 'select text from notes where id = $1'
const textOf = (row) => row?.text

export const pgPromise = {
  name: 'pg-promise',
  package: 'pg-promise',
  door: 'pg-nearest/pg-module',
  give: (pool) => {
    const pgp = initialize({ noWarnings: true })
    pgp.pg = pgModule(pool)
    return pgp({})
  },
  operations: (db) => ({
    read: (id) => db.oneOrNone(READ, [id], textOf),
    write: (id, text) => db.none('insert into notes (id, text) values ($1, $2)', [id, text]),
    rolledBack: (id, text) =>
      undone(
        (work) => db.tx(work),
        async (tx) => {
          await tx.none('insert into notes (id, text) values ($1, $2)', [id, text])
          return tx.oneOrNone(READ, [id], textOf)
        },
      ),
    lockedRead: (id, whileLocked) =>
      db.tx(async (tx) => {
        const text = await tx.oneOrNone(`${READ} for update`, [id], textOf)
        await whileLocked()
        return text
      }),
    end: () => db.$pool.end(),
  }),
}
