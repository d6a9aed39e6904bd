import * as db from 'zapatos/db'
import { undone } from './undone.js'

export const zapatos = {
  name: 'Zapatos',
  package: 'zapatos',
  give: (pool) => pool,
  operations: (pool) => ({
    read: async (id) => (await db.selectOne('notes', { id }).run(pool))?.text,
    write: (id, text) => db.insert('notes', { id, text }).run(pool),
    rolledBack: (id, text) =>
      undone(
        (work) => db.readCommitted(pool, work),
        async (tx) => {
          await db.insert('notes', { id, text }).run(tx)
          return (await db.selectOne('notes', { id }).run(tx))?.text
        },
      ),
    lockedRead: (id, whileLocked) =>
      db.readCommitted(pool, async (tx) => {
        const note = await db.selectOne('notes', { id }, { lock: { for: 'UPDATE' } }).run(tx)
        await whileLocked()
        return note?.text
      }),
  }),
}
