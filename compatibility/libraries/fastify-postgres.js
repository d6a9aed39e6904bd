import fastifyPlugin from '@fastify/postgres'
import fastify from 'fastify'
import { pgModule } from 'pg-nearest/pg-module'
import { undone } from './undone.js'

const READ = 'select text from notes where id = $1'
const WRITE = 'insert into notes (id, text) values ($1, $2)'
const textOf = async (db, statement, id) => (await db.query(statement, [id])).rows[0]?.text

export const fastifyPostgres = {
  name: '@fastify/postgres',
  package: '@fastify/postgres',
  door: 'pg-nearest/pg-module',
  give: async (pool) => {
    const app = fastify()
    await app.register(fastifyPlugin, { pg: pgModule(pool) })
    return app
  },
  operations: (app) => ({
    read: (id) => textOf(app.pg, READ, id),
    write: (id, text) => app.pg.query(WRITE, [id, text]),
    rolledBack: (id, text) =>
      undone(
        (work) => app.pg.transact(work),
        async (client) => {
          await client.query(WRITE, [id, text])
          return textOf(client, READ, id)
        },
      ),
    lockedRead: (id, whileLocked) =>
      app.pg.transact(async (client) => {
        const text = await textOf(client, `${READ} for update`, id)
        await whileLocked()
        return text
      }),
    end: () => app.close(),
  }),
}
