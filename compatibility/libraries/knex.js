import knex from 'knex'
import { nearestDialect } from './nearest-dialect.js'
import { SLOW } from './slow.js'
import { undone } from './undone.js'

const textOf = async (query) => (await query.first('text'))?.text

const program = {
  name: 'Knex',
  package: 'knex',
  door: 'pg-nearest/pg-module',
  // The class is that of the page about libraries that take no pool.
  give: (pool) => knex({ client: nearestDialect(pool), connection: {}, pool: { min: 0 } }),
  operations: (db) => ({
    read: (id) => textOf(db('notes').where({ id })),
    write: (id, text) => db('notes').insert({ id, text }),
    rolledBack: (id, text) =>
      undone(
        (work) => db.transaction(work),
        async (tx) => {
          await tx('notes').insert({ id, text })
          return textOf(tx('notes').where({ id }))
        },
      ),
    lockedRead: (id, whileLocked) =>
      db.transaction(async (tx) => {
        const text = await textOf(tx('notes').where({ id }).forUpdate())
        await whileLocked()
        return text
      }),
    cancels: '`timeout(ms, { cancel: true })`',
    cancel: (kind) => db.raw(SLOW[kind]).timeout(200, { cancel: true }),
    end: () => db.destroy(),
  }),
}

export { program as knex }
