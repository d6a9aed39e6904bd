import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { casesOf, codeOf, countsOf, errorOf, messageOf, processOf, until, withClient } from './contract-case.ts'

export const options = casesOf('options', [
  ['one that does not exist', 'a pool', ({ pool }) => (pool({ maxx: 1 } as never), 'a pool')],
  [
    'one that names a server',
    'a pool',
    ({ pool }) => (pool({ keepAlive: true, host: '127.0.0.1' } as never), 'a pool'),
  ],
  ['max', 4, ({ pool }) => pool({ max: 4 }).options.max],
  ['min', [0, 2], ({ pool }) => [pool().options.min, pool({ min: 2 }).options.min]],
  [
    'idleTimeoutMillis',
    [10_000, 5],
    ({ pool }) => [pool().options.idleTimeoutMillis, pool({ idleTimeoutMillis: 5 }).options.idleTimeoutMillis],
  ],
  ['maxUses', [Infinity, 7], ({ pool }) => [pool().options.maxUses, pool({ maxUses: 7 }).options.maxUses]],
  [
    'maxLifetimeSeconds',
    [0, 7],
    ({ pool }) => [pool().options.maxLifetimeSeconds, pool({ maxLifetimeSeconds: 7 }).options.maxLifetimeSeconds],
  ],
  [
    'allowExitOnIdle',
    [false, true],
    ({ pool }) => [pool().options.allowExitOnIdle, pool({ allowExitOnIdle: true }).options.allowExitOnIdle],
  ],
  [
    'the object that is given is not changed',
    '{"max":3}',
    async ({ pool }) => {
      const given = { max: 3 }
      await pool(given).query('select 1')
      return JSON.stringify(given)
    },
  ],
  [
    'an idle connection is closed after idleTimeoutMillis',
    [0, 0, 0],
    async ({ pool }) => {
      const all = pool({ idleTimeoutMillis: 10 })
      const removed = once(all, 'remove')
      await all.query('select 1')
      await removed
      return countsOf(all)
    },
  ],
  [
    'and another is made when it is needed',
    [1, 2, 3],
    async ({ pool }) => {
      const all = pool({ idleTimeoutMillis: 5 })
      const seen: number[] = []
      for (const n of [1, 2, 3]) {
        const removed = once(all, 'remove')
        seen.push((await all.query('select $1::int as n', [n])).rows[0].n)
        await removed
      }
      return seen
    },
  ],
  [
    'one that is lent is not closed after idleTimeoutMillis',
    [1, 0, 0],
    async ({ pool }) => {
      const all = pool({ idleTimeoutMillis: 5 })
      return withClient(all, async (client) => {
        await sleep(30)
        await client.query('select 1')
        return countsOf(all)
      })
    },
  ],
  [
    'idleTimeoutMillis 0: never',
    [1, 1, 0],
    async ({ pool }) => {
      const all = pool({ idleTimeoutMillis: 0 })
      await all.query('select 1')
      await sleep(50)
      return countsOf(all)
    },
  ],
  [
    'min connections stay',
    [1, 1, 0],
    async ({ pool }) => {
      const all = pool({ min: 1, idleTimeoutMillis: 10 })
      await all.query('select 1')
      await sleep(60)
      return countsOf(all)
    },
  ],
  [
    'no more than min stay',
    1,
    async ({ pool }) => {
      const all = pool({ min: 1, idleTimeoutMillis: 10 })
      const clients = await Promise.all([1, 2, 3].map(() => all.connect()))
      for (const client of clients) client.release()
      await until(() => all.totalCount === 1)
      await sleep(40)
      return all.totalCount
    },
  ],
  [
    'maxUses closes a connection after as many',
    [true, false, [2, true]],
    async ({ pool }) => {
      const all = pool({ max: 1, maxUses: 2 })
      const seen = []
      for (let n = 0; n < 3; n++) seen.push(await withClient(all, async (client) => processOf(client)))
      return [seen[0] === seen[1], seen[1] === seen[2], [new Set(seen).size, true]]
    },
  ],
  [
    'maxUses counts statements, too',
    2,
    async ({ pool }) => {
      const all = pool({ max: 1, maxUses: 2 })
      const seen = new Set<number>()
      for (let n = 0; n < 4; n++) seen.add((await all.query('select pg_backend_pid() as id')).rows[0].id)
      return seen.size
    },
  ],
  [
    'maxLifetimeSeconds closes an idle connection',
    [0, 0, 0],
    async ({ pool }) => {
      const all = pool({ maxLifetimeSeconds: 0.05 })
      const removed = once(all, 'remove')
      await all.query('select 1')
      await removed
      return countsOf(all)
    },
  ],
  [
    'and one that is lent when it comes back',
    [1, 0],
    async ({ pool }) => {
      const all = pool({ maxLifetimeSeconds: 0.02 })
      const client = await all.connect()
      await sleep(60)
      const expired = all.expiredCount
      const removed = once(all, 'remove')
      client.release()
      await removed
      return [expired, all.totalCount]
    },
  ],
  [
    'connectionTimeoutMillis, when all are lent',
    true,
    async ({ pool }) => {
      const all = pool({ max: 1, connectionTimeoutMillis: 500 })
      return withClient(all, async () => (await errorOf(all.connect())) instanceof Error)
    },
  ],
  [
    'connectionTimeoutMillis, for a statement when all are lent',
    [true, [{ n: 1 }]],
    async ({ pool }) => {
      const all = pool({ max: 1, connectionTimeoutMillis: 500 })
      const late = await withClient(all, async () => errorOf(all.query('select 1')))
      return [late instanceof Error, (await all.query('select 1 as n')).rows]
    },
  ],
  [
    'who comes after one whose time is over is served',
    'served',
    async ({ pool }) => {
      const all = pool({ max: 1, connectionTimeoutMillis: 800 })
      const client = await all.connect()
      const late = errorOf(all.connect())
      await sleep(400)
      const next = withClient(all, async () => 'served')
      await late
      client.release()
      return next
    },
  ],
  [
    'whoever has given up counts as waiting no more',
    [1, 0, 0],
    async ({ pool }) => {
      const all = pool({ max: 1, connectionTimeoutMillis: 500 })
      return withClient(all, async () => {
        await errorOf(all.connect())
        return countsOf(all)
      })
    },
  ],
  ['statement_timeout', '57014', ({ pool }) => codeOf(pool({ statement_timeout: 50 }).query('select pg_sleep(5)'))],
  [
    'query_timeout',
    'Query read timeout',
    ({ pool }) => messageOf(pool({ query_timeout: 50 }).query('select pg_sleep(5)')),
  ],
  [
    'query_timeout of a client’s statement',
    'Query read timeout',
    async ({ pool }) => {
      const client = await pool({ query_timeout: 50 }).connect()
      const message = await messageOf(client.query('select pg_sleep(5)'))
      client.release(true)
      return message
    },
  ],
  [
    'lock_timeout',
    '7s',
    async ({ pool }) => (await pool({ lock_timeout: 7_000 }).query('show lock_timeout')).rows[0].lock_timeout,
  ],
  [
    'idle_in_transaction_session_timeout',
    '8s',
    async ({ pool }) =>
      Object.values(
        (await pool({ idle_in_transaction_session_timeout: 8_000 }).query('show idle_in_transaction_session_timeout'))
          .rows[0],
      )[0],
  ],
  [
    'application_name',
    'contract app',
    async ({ pool }) =>
      (await pool({ application_name: 'contract app' }).query('show application_name')).rows[0].application_name,
  ],
  [
    'options',
    'de_DE',
    async ({ pool }) => (await pool({ options: '-c search_path=de_DE' }).query('show search_path')).rows[0].search_path,
  ],
  [
    'types',
    [{ n: 'pool got 1' }],
    async ({ pool }) =>
      (await pool({ types: { getTypeParser: () => (text: string) => `pool got ${text}` } }).query('select 1 as n'))
        .rows,
  ],
])
