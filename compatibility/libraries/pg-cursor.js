import Cursor from 'pg-cursor'
import { onClient, pg } from './pg.js'

const READ = 'select text from notes where id = $1'

async function readBy(client, text, id) {
  const cursor = client.query(new Cursor(text, [id]))
  const rows = await cursor.read(10)
  await cursor.close()
  return rows[0]?.text
}

export const pgCursor = {
  name: 'pg-cursor',
  package: 'pg-cursor',
  give: (pool) => pool,
  operations: (pool) => ({
    ...pg.operations(pool),
    read: (id) => onClient(pool, (client) => readBy(client, READ, id)),
    rolledBack: (id, text) =>
      onClient(pool, async (client) => {
        await client.query('begin')
        await client.query('insert into notes (id, text) values ($1, $2)', [id, text])
        const seen = await readBy(client, READ, id)
        await client.query('rollback')
        return seen
      }),
    lockedRead: (id, whileLocked) =>
      onClient(pool, async (client) => {
        await client.query('begin')
        const text = await readBy(client, `${READ} for update`, id)
        await whileLocked()
        await client.query('commit')
        return text
      }),
    cancels: '`close()`',
    stop: () =>
      onClient(pool, async (client) => {
        const cursor = client.query(new Cursor('select generate_series(1, 1000000000) as n'))
        await cursor.read(10)
        await cursor.close()
      }),
  }),
}
