import { pgModule } from 'pg-nearest/pg-module'
import { DataTypes, Sequelize } from 'sequelize'
import { undone } from './undone.js'

export const sequelize = {
  name: 'Sequelize',
  package: 'sequelize',
  door: 'pg-nearest/pg-module',
  give: (pool) =>
    new Sequelize({
      dialect: 'postgres',
      dialectModule: pgModule(pool),
      // What it would set on each connection.
      keepDefaultTimezone: true,
      dialectOptions: { clientMinMessages: 'ignore' },
      logging: false,
    }),
  operations: (db) => {
    const Note = db.define(
      'notes',
      { id: { type: DataTypes.INTEGER, primaryKey: true }, text: DataTypes.TEXT },
      { timestamps: false, freezeTableName: true },
    )
    return {
      read: async (id) => (await Note.findByPk(id))?.text,
      write: (id, text) => Note.create({ id, text }),
      rolledBack: (id, text) =>
        undone(
          (work) => db.transaction(work),
          async (transaction) => {
            await Note.create({ id, text }, { transaction })
            return (await Note.findByPk(id, { transaction }))?.text
          },
        ),
      lockedRead: (id, whileLocked) =>
        db.transaction(async (transaction) => {
          const note = await Note.findByPk(id, { transaction, lock: transaction.LOCK.UPDATE })
          await whileLocked()
          return note?.text
        }),
      end: () => db.close(),
    }
  },
}
