import { once } from 'node:events'
import { casesOf, codeOf, until, withClient } from './contract-case.ts'

export const transactions = casesOf('transaction', [
  [
    'commits',
    [{ n: 1 }],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        await client.query('delete from contract where id = 50')
        await client.query('begin')
        await client.query("insert into contract values (50, 'x')")
        await client.query('commit')
        return (await client.query('select count(*)::int as n from contract where id = 50')).rows
      }),
  ],
  [
    'rolls back',
    [{ n: 0 }],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        await client.query('delete from contract where id = 51')
        await client.query('begin')
        await client.query("insert into contract values (51, 'x')")
        await client.query('rollback')
        return (await client.query('select count(*)::int as n from contract where id = 51')).rows
      }),
  ],
  [
    'its commands',
    ['BEGIN', 'SAVEPOINT', 'ROLLBACK', 'RELEASE', 'COMMIT'],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const said: string[] = []
        for (const text of ['begin', 'savepoint a', 'rollback to a', 'release a', 'commit']) {
          said.push((await client.query(text)).command)
        }
        return said
      }),
  ],
  [
    'its status',
    ['I', 'T', 'E', 'I'],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const seen = [client.getTransactionStatus()]
        await client.query('begin')
        seen.push(client.getTransactionStatus())
        await client.query('select 1/0').catch(() => undefined)
        // pg rejects with the error, ahead of the status behind it.
        await until(() => client.getTransactionStatus() !== 'T')
        seen.push(client.getTransactionStatus())
        await client.query('rollback')
        return [...seen, client.getTransactionStatus()]
      }),
  ],
  [
    'one that has failed refuses all but its end',
    '25P02',
    ({ pool }) =>
      withClient(pool(), async (client) => {
        await client.query('begin')
        await client.query('select 1/0').catch(() => undefined)
        const code = await codeOf(client.query('select 1'))
        await client.query('rollback')
        return code
      }),
  ],
  [
    'COMMIT of one that has failed says ROLLBACK',
    'ROLLBACK',
    ({ pool }) =>
      withClient(pool(), async (client) => {
        await client.query('begin')
        await client.query('select 1/0').catch(() => undefined)
        return (await client.query('commit')).command
      }),
  ],
  [
    'a savepoint undoes a failure',
    [{ n: 1 }],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        await client.query('begin')
        await client.query('savepoint a')
        await client.query('select 1/0').catch(() => undefined)
        await client.query('rollback to savepoint a')
        const { rows } = await client.query('select 1 as n')
        await client.query('commit')
        return rows
      }),
  ],
  [
    'SET LOCAL ends with it',
    ['5s', true],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const now = async (): Promise<string> => (await client.query('show lock_timeout')).rows[0].lock_timeout
        const before = await now()
        await client.query('begin')
        await client.query("set local lock_timeout = '5s'")
        const inside = await now()
        await client.query('commit')
        return [inside, (await now()) === before]
      }),
  ],
  [
    'READ ONLY refuses writes',
    '25006',
    ({ pool }) =>
      withClient(pool(), async (client) => {
        await client.query('begin read only')
        const code = await codeOf(client.query("insert into contract values (52, 'x')"))
        await client.query('rollback')
        return code
      }),
  ],
  [
    'REPEATABLE READ sees one snapshot',
    [true],
    async ({ pool }) => {
      const all = pool()
      return withClient(all, async (client) => {
        const count = async (): Promise<number> =>
          (await client.query('select count(*)::int as n from contract')).rows[0].n
        await client.query('begin isolation level repeatable read')
        const before = await count()
        await all.query("insert into contract select max(id) + 1, 'x' from contract where id < 900")
        const same = (await count()) === before
        await client.query('commit')
        return [same]
      })
    },
  ],
  [
    'statements that are not awaited',
    [1, 2],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const [, one, two] = await Promise.all(
          ['begin', 'select 1 as n', 'select 2 as n', 'commit'].map((text) => client.query(text)),
        )
        return [one?.rows[0].n, two?.rows[0].n]
      }),
  ],
  [
    'BEGIN of a client in a transaction warns, and changes nothing',
    'there is already a transaction in progress',
    ({ pool }) =>
      withClient(pool(), async (client) => {
        await client.query('begin')
        await client.query('select 1')
        const noticed = once(client, 'notice')
        await client.query('begin')
        await client.query('rollback')
        return ((await noticed) as [Error])[0].message
      }),
  ],
])
