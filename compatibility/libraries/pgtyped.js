import { sql } from '@pgtyped/runtime'
import { onClient } from './pg.js'

const read = sql`select text from notes where id = $id`
const lock = sql`select text from notes where id = $id for update`
const write = sql`insert into notes (id, text) values ($id, $text)`

export const pgtyped = {
  name: 'PgTyped',
  package: '@pgtyped/runtime',
  give: (pool) => pool,
  operations: (pool) => ({
    read: async (id) => (await read.run({ id }, pool))[0]?.text,
    write: (id, text) => write.run({ id, text }, pool),
    rolledBack: (id, text) =>
      onClient(pool, async (client) => {
        await client.query('begin')
        await write.run({ id, text }, client)
        const rows = await read.run({ id }, client)
        await client.query('rollback')
        return rows[0]?.text
      }),
    lockedRead: (id, whileLocked) =>
      onClient(pool, async (client) => {
        await client.query('begin')
        const rows = await lock.run({ id }, client)
        await whileLocked()
        await client.query('commit')
        return rows[0]?.text
      }),
  }),
}
