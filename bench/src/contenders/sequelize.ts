import { DataTypes, Sequelize, type ConnectionOptions, type Model } from 'sequelize'
import type { Mover, Servers } from './contender.ts'

interface Account extends Model {
  balance: number
}

/**
 * Sequelize's documentation on read replication: `replication: { write, read }`, which sends each SELECT to the next of the replicas, and
 * everything else to the primary.
 *
 * @see https://sequelize.org/docs/v6/other-topics/read-replication/
 */
export function sequelize({ primary, replicas, max }: Servers): Mover {
  const source = new Sequelize({
    dialect: 'postgres',
    replication: { write: optionsOf(primary), read: replicas.map(optionsOf) },
    pool: { max },
    logging: false,
  })
  const accounts = source.define<Account>(
    'accounts',
    { id: { type: DataTypes.INTEGER, primaryKey: true }, balance: DataTypes.INTEGER },
    { timestamps: false },
  )
  const read = async (id: number): Promise<number | undefined> => (await accounts.findByPk(id))?.balance
  return {
    name: 'Sequelize 6, replication',
    read,
    one: (id) =>
      source.transaction((transaction) => accounts.decrement('balance', { where: { id }, by: 1, transaction })),
    writeThenRead: async (id, balance) => {
      await accounts.update({ balance }, { where: { id } })
      return read(id)
    },
    end: () => source.close(),
  }
}

function optionsOf(text: string): ConnectionOptions {
  const url = new URL(text)
  return {
    host: url.hostname,
    port: url.port,
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: url.pathname.slice(1),
  }
}
