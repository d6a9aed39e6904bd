import knex from 'knex'
import { Model } from 'objection'
import { nearestDialect } from './nearest-dialect.js'
import { undone } from './undone.js'

class Note extends Model {
  static tableName = 'notes'
}

const SLOWLY = {
  read: (Bound) => Bound.query().select(Bound.raw('pg_sleep(20)')).limit(1),
  write: (Bound) => Bound.query().insert({ id: 0, text: Bound.raw('pg_sleep(20)::text') }),
}

export const objection = {
  name: 'Objection',
  package: 'objection',
  door: 'pg-nearest/pg-module',
  give: (pool) => Note.bindKnex(knex({ client: nearestDialect(pool), connection: {}, pool: { min: 0 } })),
  operations: (Bound) => ({
    read: async (id) => (await Bound.query().findById(id))?.text,
    write: (id, text) => Bound.query().insert({ id, text }),
    rolledBack: (id, text) =>
      undone(
        (work) => Bound.transaction(work),
        async (tx) => {
          await Bound.query(tx).insert({ id, text })
          return (await Bound.query(tx).findById(id))?.text
        },
      ),
    lockedRead: (id, whileLocked) =>
      Bound.transaction(async (tx) => {
        const note = await Bound.query(tx).findById(id).forUpdate()
        await whileLocked()
        return note?.text
      }),
    cancels: '`timeout(ms, { cancel: true })`',
    cancel: (kind) => SLOWLY[kind](Bound).timeout(200, { cancel: true }),
    end: () => Bound.knex().destroy(),
  }),
}
