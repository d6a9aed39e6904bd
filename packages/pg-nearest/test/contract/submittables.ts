import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { calledBack, casesOf, codeOf, countsOf, errorOf, withClient } from './contract-case.ts'

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = []
  for await (const each of stream) seen.push(each)
  return seen
}

const series = 'select generate_series(1, 5) as n'

const cursors = casesOf('cursor', [
  [
    'reads in parts',
    [2, 2, 1, 0],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const cursor = client.query(new Cursor(series))
        const seen: number[] = []
        while (seen.at(-1) !== 0) seen.push((await cursor.read(2)).length)
        await cursor.close()
        return seen
      }),
  ],
  [
    'takes values',
    [{ n: 7 }],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const cursor = client.query(new Cursor('select $1::int as n', [7]))
        const rows = await cursor.read(10)
        await cursor.close()
        return rows
      }),
  ],
  [
    'closed early, the client goes on',
    [{ n: 1 }],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const cursor = client.query(new Cursor('select generate_series(1, 100000)'))
        await cursor.read(1)
        await cursor.close()
        return (await client.query('select 1 as n')).rows
      }),
  ],
  [
    'query_timeout counts the time of its reader, who then gets no more rows',
    [1, 0],
    ({ pool }) =>
      withClient(pool({ query_timeout: 200 }), async (client) => {
        const cursor = client.query(new Cursor(series))
        const first = await cursor.read(1)
        await sleep(500)
        const second = await cursor.read(1)
        await cursor.close()
        return [first.length, second.length]
      }),
  ],
  [
    'its error',
    '42601',
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const cursor = client.query(new Cursor('selekt'))
        return codeOf(cursor.read(1))
      }),
  ],
  [
    'after its error the client goes on',
    [{ n: 1 }],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        await errorOf(client.query(new Cursor('selekt')).read(1))
        return (await client.query('select 1 as n')).rows
      }),
  ],
  [
    'in a transaction',
    [[{ n: 1 }], [{ n: 2 }]],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        await client.query('begin')
        const cursor = client.query(new Cursor('select generate_series(1, 2) as n'))
        const seen = [await cursor.read(1), await cursor.read(1)]
        await cursor.close()
        await client.query('commit')
        return seen
      }),
  ],
  [
    'rows as arrays',
    [[1]],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const cursor = client.query(new Cursor('select 1', [], { rowMode: 'array' }))
        const rows = await cursor.read(5)
        await cursor.close()
        return rows
      }),
  ],
])

const cursorsOnPools = casesOf('cursor', [
  [
    'on the pool gives a promise',
    true,
    ({ pool }) => {
      const returned: unknown = pool().query(new Cursor('select 1'))
      if (returned instanceof Cursor) void returned.close()
      return returned instanceof Promise
    },
  ],
])

const streams = casesOf('stream', [
  [
    'reads to its end',
    [1, 2, 3, 4, 5],
    ({ pool }) =>
      withClient(pool(), async (client) =>
        (await all<{ n: number }>(client.query(new QueryStream(series)))).map(({ n }) => n),
      ),
  ],
  [
    'in small portions',
    5,
    ({ pool }) =>
      withClient(
        pool(),
        async (client) => (await all(client.query(new QueryStream(series, [], { batchSize: 1 })))).length,
      ),
  ],
  [
    'what is given behind it waits for it',
    [5, [{ n: 1 }]],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const stream = client.query(new QueryStream(series))
        const next = client.query('select 1 as n')
        return [(await all(stream)).length, (await next).rows]
      }),
  ],
  [
    'its error',
    '42P01',
    ({ pool }) =>
      withClient(pool(), (client) => codeOf(all(client.query(new QueryStream('select * from no_such_table'))))),
  ],
  [
    'destroyed early, the client goes on',
    [{ n: 1 }],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const stream = client.query(new QueryStream('select generate_series(1, 100000)', [], { batchSize: 10 }))
        await stream[Symbol.asyncIterator]().next()
        stream.destroy()
        return (await client.query('select 1 as n')).rows
      }),
  ],
])

const copies = casesOf('COPY', [
  [
    'from',
    [{ n: 2 }],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        await client.query('create temp table copied (n int, t text)')
        await pipeline(Readable.from(['1\ta\n', '2\tb\n']), client.query(copyFrom('copy copied from stdin')))
        return (await client.query('select count(*)::int as n from copied')).rows
      }),
  ],
  [
    'to',
    '1\n2\n3\n',
    ({ pool }) =>
      withClient(pool(), async (client) =>
        (await all<Buffer>(client.query(copyTo('copy (select generate_series(1, 3)) to stdout')))).join(''),
      ),
  ],
  [
    'its error',
    '22P02',
    ({ pool }) =>
      withClient(pool(), async (client) => {
        await client.query('create temp table copied_wrongly (n int)')
        return codeOf(pipeline(Readable.from(['x\n']), client.query(copyFrom('copy copied_wrongly from stdin'))))
      }),
  ],
])

/** pg's types say that the query itself is returned. */
const answered = (query: unknown): Promise<pg.QueryResult> => query as Promise<pg.QueryResult>

const queries = casesOf('pg.Query', [
  [
    'on a client, with a callback',
    [{ n: 1 }],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const [, result] = await calledBack((done) =>
          client.query(new pg.Query('select 1 as n') as never, done as never),
        )
        return (result as pg.QueryResult).rows
      }),
  ],
  [
    'on a client, by its events',
    [{ n: 1 }],
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const query = client.query(new pg.Query('select 1 as n')) as unknown as NodeJS.EventEmitter
        const rows: unknown[] = []
        query.on('row', (row) => rows.push(row))
        await new Promise((resolve) => query.once('end', resolve))
        return rows
      }),
  ],
  [
    'an error, by its events',
    '42601',
    ({ pool }) =>
      withClient(pool(), async (client) => {
        const query = client.query(new pg.Query('selekt')) as unknown as NodeJS.EventEmitter
        const error = await new Promise((resolve) => query.once('error', resolve))
        return (error as pg.DatabaseError).code
      }),
  ],
  [
    'on the pool',
    [[{ n: 1 }], [1, 1, 0]],
    async ({ pool }) => {
      const whole = pool()
      const { rows } = await answered(whole.query(new pg.Query('select 1 as n')))
      return [rows, countsOf(whole)]
    },
  ],
  [
    'on the pool, with values',
    [{ n: 3 }],
    async ({ pool }) => (await answered(pool().query(new pg.Query('select $1::int as n', [3])))).rows,
  ],
  ['on the pool, its error', '42601', ({ pool }) => codeOf(answered(pool().query(new pg.Query('selekt'))))],
  [
    'on the pool, with a callback',
    [{ n: 1 }],
    async ({ pool }) => {
      const [, result] = await calledBack((done) => pool().query(new pg.Query('select 1 as n') as never, done as never))
      return (result as pg.QueryResult).rows
    },
  ],
])

export const submittableContract = [...cursors, ...cursorsOnPools, ...streams, ...copies, ...queries]
