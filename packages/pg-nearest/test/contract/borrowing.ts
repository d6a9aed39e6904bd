import { EventEmitter, once } from 'node:events'
import pg from 'pg'
import { calledBack, casesOf, codeOf, errorOf, insidesOf, messageOf, withClient } from './contract-case.ts'

export const borrowing = casesOf('connect', [
  [
    'a client that answers',
    [{ n: 1 }],
    ({ pool }) => withClient(pool(), async (c) => (await c.query('select 1 as n')).rows),
  ],
  [
    'a callback gets no error, a client and a function that releases it',
    [true, true, [{ n: 1 }], [1, 1]],
    async ({ pool }) => {
      const all = pool()
      const [error, client, done] = (await calledBack((called) => all.connect(called as never))) as [
        unknown,
        pg.PoolClient,
        () => void,
      ]
      const { rows } = await client.query('select 1 as n')
      done()
      return [!error, typeof done === 'function', rows, [all.totalCount, all.idleCount]]
    },
  ],
  [
    'with a callback there is no promise',
    undefined,
    async ({ pool }) => {
      let returned: unknown = 'nothing yet'
      const [, , done] = await calledBack((called) => {
        returned = pool().connect(called as never)
      })
      ;(done as () => void)()
      return returned
    },
  ],
  [
    'a callback is never called at once',
    true,
    async ({ pool }) => {
      const all = pool()
      await all.query('select 1')
      let later = false
      const called = calledBack((done) =>
        all.connect((_error, client) => {
          client?.release()
          done(later)
        }),
      )
      later = true
      return (await called)[0]
    },
  ],
  [
    'it has its connection, and knows its process',
    true,
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const id = insidesOf(client).processID
        const { rows } = await client.query('select pg_backend_pid() as id')
        return typeof id === 'number' && rows[0].id === id
      }),
  ],
  [
    'it knows where it is connected',
    [true, true, true, true],
    ({ pool, url }) =>
      withClient(pool(), async ({ host, port, user, database }) => {
        const { hostname, port: wanted, username, pathname } = new URL(url)
        return [host === hostname, String(port) === wanted, user === username, database === pathname.slice(1)]
      }),
  ],
  ['it is a pg.Client', true, ({ pool }) => withClient(pool(), async (client) => client instanceof pg.Client)],
  ['its class is called Client', 'Client', ({ pool }) => withClient(pool(), async (client) => client.constructor.name)],
  ['it is an EventEmitter', true, ({ pool }) => withClient(pool(), async (client) => client instanceof EventEmitter)],
  [
    'it has the socket',
    false,
    ({ pool }) => withClient(pool(), async (client) => insidesOf(client).connection.stream.destroyed),
  ],
  [
    'it has a secret key',
    true,
    ({ pool }) => withClient(pool(), async (client) => insidesOf(client).secretKey != null),
  ],
  [
    'its password is not enumerable',
    false,
    ({ pool }) => withClient(pool(), async (client) => Object.keys(client).includes('password')),
  ],
  [
    'the same client for the same connection',
    true,
    async ({ pool }) => {
      const all = pool({ max: 1 })
      const first = await withClient(all, async (client) => client)
      return withClient(all, async (client) => client === first)
    },
  ],
  [
    'another client for another connection',
    false,
    async ({ pool }) => {
      const all = pool()
      const [first, second] = await Promise.all([all.connect(), all.connect()])
      first.release()
      second.release()
      return first === second
    },
  ],
  [
    'what is noted on it stays',
    'mine',
    async ({ pool }) => {
      const all = pool({ max: 1 })
      await withClient(all, async (client) => Object.assign(client, { note: 'mine' }))
      return withClient(all, async (client) => (client as unknown as { note: string }).note)
    },
  ],
  [
    'parsers that are set on it are its own',
    ['got 1', 1],
    async ({ pool }) => {
      const all = pool()
      const [one, other] = await Promise.all([all.connect(), all.connect()])
      one.setTypeParser(23, (text: string) => `got ${text}`)
      const shown = [(await one.query('select 1 as n')).rows[0].n, (await other.query('select 1 as n')).rows[0].n]
      one.release()
      other.release()
      return shown
    },
  ],
  [
    'it escapes',
    ['"a""b"', "'it''s'"],
    ({ pool }) => withClient(pool(), async (client) => [client.escapeIdentifier('a"b'), client.escapeLiteral("it's")]),
  ],
  [
    'it cannot connect twice',
    'Client has already been connected. You cannot reuse a client.',
    ({ pool }) => withClient(pool(), async (client) => messageOf(client.connect())),
  ],
  [
    'statements run in their order',
    [1, 2, 3],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const seen: number[] = []
        await Promise.all(
          [1, 2, 3].map((n) => client.query(`select pg_sleep(${0.03 - n / 100}), ${n}`).then(() => seen.push(n))),
        )
        return seen
      }),
  ],
  [
    'a statement that fails lets the next one run',
    ['22012', [{ n: 1 }]],
    ({ pool }) =>
      withClient(pool(), async (client) => [
        await codeOf(client.query('select 1/0')),
        (await client.query('select 1 as n')).rows,
      ]),
  ],
  [
    'callbacks of a client',
    [{ n: 1 }],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const [, result] = await calledBack((done) => client.query('select 1 as n', done))
        return (result as pg.QueryResult).rows
      }),
  ],
  [
    'an error in a client’s callback',
    '22012',
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const [error] = await calledBack((done) => client.query('select 1/0', done))
        return (error as pg.DatabaseError).code
      }),
  ],
  [
    'rows as arrays',
    [[1]],
    ({ pool }) =>
      withClient(pool(), async (client) => (await client.query({ text: 'select 1', rowMode: 'array' })).rows),
  ],
  [
    'nothing',
    TypeError,
    ({ pool }) => withClient(pool(), async (c) => (await errorOf(() => c.query(undefined as never))).constructor),
  ],
  [
    'it says when it has nothing to do',
    'drained',
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const drained = once(client, 'drain').then(() => 'drained')
        await client.query('select 1')
        return drained
      }),
  ],
  [
    'notices',
    'attention',
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const noticed = once(client, 'notice')
        await client.query("do $$ begin raise notice 'attention'; end $$")
        return ((await noticed) as [Error])[0].message
      }),
  ],
  [
    'notifications',
    ['contract', 'hello'],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const notified = once(client, 'notification')
        await client.query('listen contract')
        await client.query("notify contract, 'hello'")
        const [{ channel, payload }] = (await notified) as [pg.Notification]
        await client.query('unlisten *')
        return [channel, payload]
      }),
  ],
])
