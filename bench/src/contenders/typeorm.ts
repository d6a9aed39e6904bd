import { DataSource, EntitySchema } from 'typeorm'
import type { Mover, Servers } from './contender.ts'

interface Account {
  id: number
  balance: number
}

const accounts = new EntitySchema<Account>({
  name: 'accounts',
  columns: { id: { type: Number, primary: true }, balance: { type: Number } },
})

/**
 * TypeORM's documentation on replication: `replication: { master, slaves }`, which sends what is found to a slave at random, and everything else to
 * the master.
 *
 * @see https://typeorm.io/docs/data-source/multiple-data-sources#replication
 */
export async function typeorm({ primary, replicas, max }: Servers): Promise<Mover> {
  const source = await new DataSource({
    type: 'postgres',
    replication: { master: { url: primary }, slaves: replicas.map((url) => ({ url })) },
    poolSize: max,
    entities: [accounts],
    poolErrorHandler: () => undefined,
  }).initialize()
  const repository = source.getRepository(accounts)
  const read = async (id: number): Promise<number | undefined> => (await repository.findOneBy({ id }))?.balance
  return {
    name: 'TypeORM, replication',
    read,
    one: (id) => source.transaction((manager) => manager.decrement(accounts, { id }, 'balance', 1)),
    writeThenRead: async (id, balance) => {
      await repository.update({ id }, { balance })
      return read(id)
    },
    end: () => source.destroy(),
  }
}
