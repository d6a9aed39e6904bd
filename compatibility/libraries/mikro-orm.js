import { EntitySchema, LockMode } from '@mikro-orm/core'
import { MikroORM, PostgreSqlKnexDialect } from '@mikro-orm/postgresql'
import { pgModule } from 'pg-nearest/pg-module'
import { undone } from './undone.js'

const Note = new EntitySchema({
  name: 'Note',
  tableName: 'notes',
  properties: { id: { type: 'integer', primary: true }, text: { type: 'text' } },
})

export const mikroOrm = {
  name: 'MikroORM',
  package: '@mikro-orm/postgresql',
  door: 'pg-nearest/pg-module',
  give: (pool) => {
    class NearestDialect extends PostgreSqlKnexDialect {
      _driver() {
        return pgModule(pool)
      }
    }
    return MikroORM.init({ entities: [Note], dbName: 'app', driverOptions: { client: NearestDialect } })
  },
  operations: (orm) => ({
    read: async (id) => (await orm.em.fork().findOne(Note, { id }))?.text,
    write: (id, text) => orm.em.fork().insert(Note, { id, text }),
    rolledBack: (id, text) =>
      undone(
        (work) => orm.em.fork().transactional(work),
        async (em) => {
          await em.insert(Note, { id, text })
          return (await em.findOne(Note, { id }))?.text
        },
      ),
    lockedRead: (id, whileLocked) =>
      orm.em.fork().transactional(async (em) => {
        const note = await em.findOne(Note, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
        await whileLocked()
        return note?.text
      }),
    end: () => orm.close(),
  }),
}
