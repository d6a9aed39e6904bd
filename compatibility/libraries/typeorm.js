import { pgModule } from 'pg-nearest/pg-module'
import { DataSource, EntitySchema } from 'typeorm'
import { undone } from './undone.js'

const notes = new EntitySchema({
  name: 'notes',
  columns: { id: { type: Number, primary: true }, text: { type: String } },
})

export const typeorm = {
  name: 'TypeORM',
  package: 'typeorm',
  door: 'pg-nearest/pg-module',
  give: (pool) => new DataSource({ type: 'postgres', driver: pgModule(pool), entities: [notes] }).initialize(),
  operations: (source) => ({
    read: async (id) => (await source.getRepository(notes).findOneBy({ id }))?.text,
    write: (id, text) => source.getRepository(notes).insert({ id, text }),
    rolledBack: (id, text) =>
      undone(
        (work) => source.transaction(work),
        async (manager) => {
          await manager.insert(notes, { id, text })
          return (await manager.findOneBy(notes, { id }))?.text
        },
      ),
    lockedRead: (id, whileLocked) =>
      source.transaction(async (manager) => {
        const note = await manager.findOne(notes, { where: { id }, lock: { mode: 'pessimistic_write' } })
        await whileLocked()
        return note?.text
      }),
    end: () => source.destroy(),
  }),
}
