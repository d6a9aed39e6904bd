import { once } from 'node:events'
import { calledBack, casesOf, insidesOf, messageOf, withClient } from './contract-case.ts'

export const releasing = casesOf('release', [
  [
    'the connection is idle',
    [1, 1, 0],
    async ({ pool }) => {
      const all = pool()
      await withClient(all, (client) => client.query('select 1'))
      return [all.totalCount, all.idleCount, all.waitingCount]
    },
  ],
  [
    'twice throws, each time',
    Array(2).fill('Release called on client which has already been released to the pool.'),
    async ({ pool }) => {
      const client = await pool().connect()
      client.release()
      return [await messageOf(() => client.release()), await messageOf(() => client.release())]
    },
  ],
  [
    'twice by the callback’s function throws, too',
    'Release called on client which has already been released to the pool.',
    async ({ pool }) => {
      const [, , done] = (await calledBack((called) => pool().connect(called as never))) as [null, null, () => void]
      done()
      return messageOf(done)
    },
  ],
  [
    'it may be called without its client',
    1,
    async ({ pool }) => {
      const all = pool()
      const { release } = await all.connect()
      release()
      return all.idleCount
    },
  ],
  [
    'with an error closes the connection',
    0,
    async ({ pool }) => {
      const all = pool()
      const client = await all.connect()
      client.release(new Error('no more'))
      await once(all, 'remove')
      return all.totalCount
    },
  ],
  [
    'with true closes the connection',
    0,
    async ({ pool }) => {
      const all = pool()
      const client = await all.connect()
      client.release(true)
      await once(all, 'remove')
      return all.totalCount
    },
  ],
  [
    'with false keeps it',
    [1, 1],
    async ({ pool }) => {
      const all = pool()
      ;(await all.connect()).release(false)
      return [all.totalCount, all.idleCount]
    },
  ],
  [
    'with an error the next one is another process',
    true,
    async ({ pool }) => {
      const all = pool({ max: 1 })
      const client = await all.connect()
      const before = insidesOf(client).processID
      client.release(true)
      return withClient(all, async (next) => insidesOf(next).processID !== before)
    },
  ],
  [
    'whoever waits gets it',
    [{ n: 1 }],
    async ({ pool }) => {
      const all = pool({ max: 1 })
      const client = await all.connect()
      const waiting = withClient(all, async (next) => (await next.query('select 1 as n')).rows)
      client.release()
      return waiting
    },
  ],
  [
    'whoever has waited longest gets it first',
    [0, 1, 2],
    async ({ pool }) => {
      const all = pool({ max: 1 })
      const client = await all.connect()
      const order: number[] = []
      const waiting = [0, 1, 2].map((n) => withClient(all, async () => order.push(n)))
      client.release()
      await Promise.all(waiting)
      return order
    },
  ],
  [
    'the one that was used last is lent first',
    true,
    async ({ pool }) => {
      const all = pool()
      const [first, second] = await Promise.all([all.connect(), all.connect()])
      first.release()
      second.release()
      return withClient(all, async (client) => client === second)
    },
  ],
  [
    'session state stays on the connection',
    'contract',
    async ({ pool }) => {
      const all = pool({ max: 1 })
      await withClient(all, (client) => client.query("set application_name = 'contract'"))
      return withClient(all, async (client) => (await client.query('show application_name')).rows[0].application_name)
    },
  ],
  [
    'temporary tables stay on the connection',
    0,
    async ({ pool }) => {
      const all = pool({ max: 1 })
      await withClient(all, (client) => client.query('create temp table kept (n int)'))
      return withClient(all, async (client) => (await client.query('select * from kept')).rowCount)
    },
  ],
  [
    'after end() it may be released, once',
    ['Release called on client which has already been released to the pool.', [{ n: 1 }]],
    async ({ pool }) => {
      const all = pool({ max: 1 })
      const client = await all.connect()
      await client.end()
      client.release()
      return [await messageOf(() => client.release()), (await all.query('select 1 as n')).rows]
    },
  ],
  [
    'after the pool’s end() it closes the connection',
    0,
    async ({ pool }) => {
      const all = pool()
      const client = await all.connect()
      const ended = all.end()
      client.release()
      await ended
      return all.totalCount
    },
  ],
])
