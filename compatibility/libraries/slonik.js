import module from 'node:module'
import * as hooks from './slonik-hooks.js'
import { givePool } from './slonik-pg.js'
import { undone } from './undone.js'
import { provideWithResolvers } from './with-resolvers.js'

provideWithResolvers()
// Node 20 has the older one alone.
if (module.registerHooks === undefined) module.register('./slonik-hooks.js', import.meta.url)
else module.registerHooks(hooks)
const { createPool, sql } = await import('slonik')

const textOf = async (db, id) =>
  (await db.maybeOneFirst(sql.unsafe`select text from notes where id = ${id}`)) ?? undefined
const insert = (db, id, text) => db.query(sql.unsafe`insert into notes (id, text) values (${id}, ${text})`)

export const slonik = {
  name: 'Slonik',
  package: 'slonik',
  door: 'pg-nearest/pg-module',
  give: (pool) => {
    givePool(pool)
    return createPool('postgres://')
  },
  operations: (db) => ({
    read: (id) => textOf(db, id),
    write: (id, text) => insert(db, id, text),
    rolledBack: (id, text) =>
      undone(
        (work) => db.transaction(work),
        async (tx) => {
          await insert(tx, id, text)
          return textOf(tx, id)
        },
      ),
    lockedRead: (id, whileLocked) =>
      db.transaction(async (tx) => {
        const text = await tx.maybeOneFirst(sql.unsafe`select text from notes where id = ${id} for update`)
        await whileLocked()
        return text
      }),
    end: () => db.end(),
  }),
}
