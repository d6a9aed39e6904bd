import { promisify } from 'node:util'
import connectPgSimpleOf from 'connect-pg-simple'
import expressSession from 'express-session'

const Store = connectPgSimpleOf(expressSession)

export const connectPgSimple = {
  name: 'connect-pg-simple',
  package: 'connect-pg-simple',
  tables: "relname = 'express_session'",
  give: (pool) =>
    new Store({ pool, tableName: 'express_session', createTableIfMissing: true, pruneSessionInterval: false }),
  operations: (store) => ({
    read: async (id) => (await promisify(store.get.bind(store))(String(id)))?.user,
    write: (id, text) => promisify(store.set.bind(store))(String(id), { cookie: { maxAge: 60_000 }, user: text }),
    end: () => store.close(),
  }),
}
