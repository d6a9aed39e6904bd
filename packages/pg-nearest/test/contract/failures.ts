import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import {
  calledBack,
  casesOf,
  codeOf,
  countsOf,
  errorOf,
  processOf,
  until,
  untilAsleep,
  withClient,
  type Bench,
} from './contract-case.ts'

const NOBODY = 'postgres://nobody@127.0.0.1:1/nothing'

/** Ends a backend from outside. */
async function terminate(url: string, processID: number): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('select pg_terminate_backend($1)', [processID])
  await client.end()
}

/** A server that takes connections and closes or ignores them. */
async function withPort<T>(closes: boolean, work: (url: string) => Promise<T>): Promise<T> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    if (closes) socket.destroy()
    else socket.resume()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await work(`postgres://nobody@127.0.0.1:${(server.address() as AddressInfo).port}/nothing`)
  } finally {
    server.close()
  }
}

const asWrongUser = (url: string): string => {
  const wrong = new URL(url)
  wrong.password = 'wrong'
  return wrong.href
}

const asWrongDatabase = (url: string): string => {
  const wrong = new URL(url)
  wrong.pathname = '/no_such_database'
  return wrong.href
}

/** What pg says of it, wherever the error has it. */
function causesOf(error: unknown): readonly string[] {
  const { code, cause, errors } = error as { code?: string; cause?: unknown; errors?: unknown[] }
  const deeper = [cause, ...(errors ?? [])].filter((each) => each !== undefined)
  return [...(code === undefined ? [] : [code]), ...deeper.flatMap(causesOf)]
}

const unreachable = casesOf('no connection', [
  ['connect() says so', 'ECONNREFUSED', ({ pool }) => codeOf(pool({}, NOBODY).connect())],
  ['query() says so', 'ECONNREFUSED', ({ pool }) => codeOf(pool({}, NOBODY).query('select 1'))],
  [
    'the error tells what pg says, itself or among its causes',
    true,
    async ({ pool }) => causesOf(await errorOf(pool({}, NOBODY).connect())).includes('ECONNREFUSED'),
  ],
  [
    'connect() with a callback gets an error, no client, and a function',
    [true, undefined, 'function'],
    async ({ pool }) => {
      const [error, client, done] = await calledBack((called) => pool({}, NOBODY).connect(called as never))
      return [error instanceof Error, client, typeof done]
    },
  ],
  [
    'query() with a callback gets an error, and no result',
    [true, undefined],
    async ({ pool }) => {
      const [error, result] = await calledBack((called) =>
        pool({}, NOBODY).query('select $1::text', ['x'], called as never),
      )
      return [error instanceof Error, result]
    },
  ],
  ['a wrong password', '28P01', ({ pool, url }) => codeOf(pool({}, asWrongUser(url)).connect())],
  [
    'a wrong password is told by its code, itself or among its causes',
    true,
    async ({ pool, url }) => causesOf(await errorOf(pool({}, asWrongUser(url)).connect())).includes('28P01'),
  ],
  ['a database that is not there', '3D000', ({ pool, url }) => codeOf(pool({}, asWrongDatabase(url)).connect())],
  [
    'a database that is not there is told by its code, itself or among its causes',
    true,
    async ({ pool, url }) => causesOf(await errorOf(pool({}, asWrongDatabase(url)).connect())).includes('3D000'),
  ],
  [
    'no password is in the error',
    false,
    async ({ pool, url }) => String(await errorOf(pool({}, asWrongUser(url)).connect())).includes('wrong'),
  ],
  [
    'a port that closes every connection: all who wait are told',
    [true, true, [0, 0, 0]],
    ({ pool }) =>
      withPort(true, async (url) => {
        const all = pool({ max: 1 }, url)
        const [one, two] = await Promise.all([errorOf(all.connect()), errorOf(all.connect())])
        await sleep(20)
        return [one instanceof Error, two instanceof Error, countsOf(all)]
      }),
  ],
  [
    'a port that says nothing: connectionTimeoutMillis ends it',
    [true, 0],
    ({ pool }) =>
      withPort(false, async (url) => {
        const all = pool({ connectionTimeoutMillis: 50 }, url)
        const error = await errorOf(all.connect())
        await sleep(20)
        return [error instanceof Error, all.idleCount]
      }),
  ],
  [
    'many time-outs, one after the other',
    5,
    ({ pool }) =>
      withPort(false, async (url) => {
        const all = pool({ connectionTimeoutMillis: 5 }, url)
        let failed = 0
        for (let n = 0; n < 5; n++) if ((await errorOf(all.connect())) instanceof Error) failed++
        return failed
      }),
  ],
  [
    'nobody has to listen to errors',
    true,
    async ({ pool }) => (await errorOf(pool({}, NOBODY).connect())) instanceof Error,
  ],
])

const dying = casesOf('a connection that dies', [
  [
    'while it is idle: the next statement gets another',
    [{ n: 1 }],
    async ({ pool, url }) => {
      const all = pool({ max: 1 })
      all.on('error', () => undefined)
      const id = await withClient(all, async (client) => processOf(client))
      const removed = new Promise((resolve) => all.once('remove', resolve))
      await terminate(url, id)
      await removed
      return (await all.query('select 1 as n')).rows
    },
  ],
  [
    'while a statement runs on a client: that fails',
    true,
    async ({ pool, url }) => {
      const client = await pool().connect()
      client.on('error', () => undefined)
      const failed = errorOf(client.query("insert into contract select 800, 'x' from pg_sleep(30)"))
      // With several servers the statement takes the connection.
      await until(() => processOf(client) > 0)
      await sleep(30)
      await terminate(url, processOf(client))
      const error = await failed
      client.release(true)
      return error instanceof Error
    },
  ],
  [
    'in a transaction: all else fails',
    true,
    async ({ pool, url }) => {
      const client = await pool().connect()
      client.on('error', () => undefined)
      await client.query('begin')
      await client.query('select 1')
      const ended = new Promise((resolve) => client.once('end', resolve))
      await terminate(url, processOf(client))
      await ended
      const error = await errorOf(client.query('select 1'))
      client.release(true)
      return error instanceof Error
    },
  ],
  [
    'a lent client tells by its own events',
    ['error', 'end'],
    async ({ pool, url }) => {
      const client = await pool().connect()
      const heard: string[] = []
      client.on('error', () => heard.push('error'))
      const ended = new Promise<void>((resolve) => {
        client.once('end', () => {
          heard.push('end')
          resolve()
        })
      })
      await terminate(url, processOf(client))
      await ended
      client.release(true)
      return [...new Set(heard)]
    },
  ],
  [
    'the pool tells nothing of one that is lent',
    0,
    async ({ pool, url }) => {
      const all = pool()
      let told = 0
      all.on('error', () => told++)
      const client = await all.connect()
      client.on('error', () => undefined)
      const ended = new Promise((resolve) => client.once('end', resolve))
      await terminate(url, processOf(client))
      await ended
      client.release(true)
      return told
    },
  ],
  [
    'released without an error, it is not lent again',
    [{ n: 1 }],
    async ({ pool, url }) => {
      const all = pool({ max: 1 })
      const client = await all.connect()
      client.on('error', () => undefined)
      const ended = new Promise((resolve) => client.once('end', resolve))
      await terminate(url, processOf(client))
      await ended
      client.release()
      return (await all.query('select 1 as n')).rows
    },
  ],
  [
    'after it, a client fails',
    true,
    async ({ pool, url }) => {
      const client = await pool().connect()
      client.on('error', () => undefined)
      const ended = new Promise((resolve) => client.once('end', resolve))
      await terminate(url, processOf(client))
      await ended
      const failed = await client.query('select 1').then(
        () => false,
        () => true,
      )
      client.release(true)
      return failed
    },
  ],
  [
    'a statement that is cancelled fails, and its connection lives',
    ['57014', [{ n: 1 }]],
    async ({ pool }: Bench) => {
      const all = pool()
      return withClient(all, async (client) => {
        const code = codeOf(client.query('select pg_sleep(30)'))
        await untilAsleep(all, processOf(client))
        await all.query('select pg_cancel_backend($1)', [processOf(client)])
        return [await code, (await client.query('select 1 as n')).rows]
      })
    },
  ],
  [
    'a statement of the pool that fails closes its connection',
    [0, 0, 0],
    async ({ pool }) => {
      const all = pool()
      await errorOf(all.query('selekt'))
      await sleep(20)
      return countsOf(all)
    },
  ],
  [
    'a client that is released in a transaction comes back in it',
    'T',
    async ({ pool }) => {
      const all = pool({ max: 1 })
      await withClient(all, async (client) => {
        await client.query('begin')
        await client.query('select 1')
      })
      return withClient(all, async (client) => client.getTransactionStatus())
    },
  ],
  [
    'a client can be used after its release',
    [{ n: 1 }],
    async ({ pool }) => {
      const all = pool({ max: 1 })
      const client = await withClient(all, async (lent) => lent)
      return (await client.query('select 1 as n')).rows
    },
  ],
])

export const failureContract = [...unreachable, ...dying]
