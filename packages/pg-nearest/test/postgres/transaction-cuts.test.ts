import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { from } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions, RoutedClient, Transaction } from '../../src/index.ts'
import { ask, caughtUp, until, withUsers } from './fixtures.ts'
import { errorOf, within } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** Transactions that are cut off in their middle: by a time-out, by a connection that dies, by a server that is gone. */
const BOUND_MS = 8_000

/** What is not to be cut off has a limit of its own: on a busy machine the pool's would end it. */
const patiently = (text: string) => ({ text, query_timeout: BOUND_MS })

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams'], rtt: 10 })
  await withUsers(world)
  await ask(
    world.url('nrt'),
    `create table notes (text text);
     create function be(who text) returns text language sql volatile as $$ select set_config('app.who', who, true) $$;
     create function whoami() returns text language sql stable as $$ select current_setting('app.who', true) $$;`,
  )
  await caughtUp(world)
})
afterAll(() => world.stop())
beforeEach(() => ask(world.url('nrt'), 'truncate notes'))
afterEach(async () => {
  world.setRtt('nrt', 'ord', 10)
  await pools.destroyAll()
})

async function poolIn(region: string, options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  const pool = pools.create({ ...world.poolOptions(region), ...options })
  await pool.refresh()
  await pool.primary.query('select 1')
  return pool
}

const notes = async (): Promise<unknown[]> =>
  (await ask<{ text: string }>(world.url('nrt'), 'select text from notes order by text')).map(({ text }) => text)

describe('a BEGIN whose first statement is cut off by query_timeout', () => {
  let client: RoutedClient
  const write = (text: string) => client.query(`insert into notes values ('${text}')`)

  beforeEach(async () => {
    client = await (await poolIn('ord', { query_timeout: 800 })).connect()
    await client.query('begin')
  })

  async function cutOff(): Promise<void> {
    world.setRtt('nrt', 'ord', 2_000)
    const error = await errorOf(BOUND_MS, 'the first statement', write('rolled back'))
    world.setRtt('nrt', 'ord', 10)
    expect(error).toMatchObject({ message: 'Query read timeout' })
    await sleep(600)
  }

  test('is rolled back by ROLLBACK, and what is written afterwards is kept', async () => {
    await cutOff()
    await client.query('rollback')
    expect(client.getTransactionStatus()).toBe('I')
    await write('kept')
    client.release()
    expect(await notes()).toEqual(['kept'])
  })

  test('is not committed by the next transaction', async () => {
    await cutOff()
    await client.query('rollback')
    await client.query('begin')
    await write('kept')
    await client.query('commit')
    client.release()
    expect(await notes()).toEqual(['kept'])
  })

  test('that the server has cancelled: nothing runs until ROLLBACK, and then everything does', async () => {
    expect(await errorOf(BOUND_MS, 'it', client.query('select pg_sleep(3)'))).toMatchObject({
      message: 'Query read timeout',
    })
    expect(await errorOf(BOUND_MS, 'behind it', client.query('select 1'))).toMatchObject({ code: '25P02' })
    await client.query('rollback')
    expect((await client.query('select 1 as n')).rows).toEqual([{ n: 1 }])
    client.release()
  })

  test('with its COMMIT behind it: the client is free again', async () => {
    const all = [client.query('select pg_sleep(3)'), write('not kept'), client.query('commit')]
    const errors = await Promise.all(all.map((each) => errorOf(BOUND_MS, 'each', each)))
    expect(errors.map((error) => error instanceof Error)).toEqual([true, true, true])
    await client.query(patiently("insert into notes values ('kept')"))
    client.release()
    expect(await notes()).toEqual(['kept'])
  })
})

test('a BEGIN alone that is cut off is rolled back by ROLLBACK', async () => {
  const client = await (await poolIn('ord', { query_timeout: 800 })).connect()
  world.setRtt('nrt', 'ord', 2_000)
  await client.query('begin')
  // It has a name, so that it does not travel with the BEGIN.
  const first = client.query({ name: 'first', text: "insert into notes values ('rolled back')" })
  expect(await errorOf(BOUND_MS, 'the first statement', first)).toMatchObject({ message: 'Query read timeout' })
  world.setRtt('nrt', 'ord', 10)
  await sleep(600)
  await client.query(patiently('rollback'))
  expect(client.getTransactionStatus()).toBe('I')
  await client.query(patiently("insert into notes values ('kept')"))
  client.release()
  expect(await notes()).toEqual(['kept'])
})

describe.each(['savepoint b', 'release a', 'rollback to a', 'set constraints all deferred'])(
  'a transaction whose connection dies with %s on its way',
  (text) => {
    /** Gives the statement over a slow link, and ends the connection before it arrives. */
    async function cutOn(tx: Pick<Transaction, 'query'>): Promise<void> {
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
      world.setRtt('nrt', 'ord', 1_000)
      const result = tx.query(text)
      result.catch(() => undefined)
      await ask(world.url('nrt'), `select pg_terminate_backend(${rows[0]?.pid})`)
      world.setRtt('nrt', 'ord', 10)
      await result
    }

    test('is rolled back, and said to be', async () => {
      const client = await (await poolIn('ord')).connect()
      for (const each of ['begin', "insert into notes values ('rolled back')", 'savepoint a']) await client.query(each)
      expect(await errorOf(BOUND_MS, text, cutOn(client))).toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
      client.release()
      expect(await notes()).toEqual([])
    })

    test('is run again with retries, and committed once', async () => {
      let tries = 0
      const work = (await poolIn('ord')).transaction({ retries: 2 }, async (tx) => {
        tries++
        await tx.query("insert into notes values ('kept')")
        await tx.query('savepoint a')
        if (tries === 1) await cutOn(tx)
      })
      await within(BOUND_MS, 'the transaction', work)
      expect(tries).toBe(2)
      expect(await notes()).toEqual(['kept'])
    })
  },
)

describe('a read-only transaction whose connection to its replica dies', () => {
  /** Borrows a client with such a transaction, and its replica's own client kills it. */
  async function begun(pool: NearestPool, ...texts: string[]): Promise<RoutedClient> {
    const client = await pool.connect()
    await client.query('begin read only')
    for (const text of texts) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect((await client.query(text)).servedBy).toMatchObject({ server: 'ord' })
    }
    const { processID } = client as unknown as { processID: number }
    await ask(world.url('ord'), `select pg_terminate_backend(${processID})`)
    await sleep(100)
    return client
  }

  test('begins again elsewhere, also without a primary', async () => {
    const pool = await poolIn('ord', { failoverTimeoutMs: 2_000 })
    await caughtUp(world, pool)
    await world.kill('nrt')
    try {
      await until(() => pool.status().servers.find(({ name }) => name === 'nrt')?.health === 'down', 'nrt to be down')
      const client = await begun(pool, 'select 1')
      const again = within(BOUND_MS, 'the next read', client.query('select count(*)::int as n from users'))
      expect((await again).rows).toEqual([{ n: 3 }])
      await client.query('commit')
      client.release()
    } finally {
      await world.start('nrt')
    }
  })

  test('does not go on without what a function has set in it', async () => {
    const pool = await poolIn('ord')
    // The primary has just come back.
    await caughtUp(world, pool)
    const client = await begun(pool, "select be('ada')", 'select whoami() as who')
    const error = await errorOf(BOUND_MS, 'the next read', client.query('select whoami() as who'))
    expect(error).toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
    client.release()
    let tries = 0
    const work = pool.transaction({ readOnly: true, retries: 2 }, async (tx) => {
      const { rows } = await tx.query<{ pid: number }>("select pg_backend_pid() as pid, be('ada')")
      if (tries++ === 0) await ask(world.url('ord'), `select pg_terminate_backend(${rows[0]?.pid})`).catch(() => [])
      return (await tx.query('select whoami() as who')).rows
    })
    expect(await within(BOUND_MS, 'the transaction', work)).toEqual([{ who: 'ada' }])
  })

  test('does not move to the primary without what a function has set in it', async () => {
    const client = await (await poolIn('ord')).connect()
    await client.query('begin read only')
    await client.query("select be('ada')")
    const needsPrimary = client.query('select pg_current_wal_lsn(), whoami() as who')
    const answer = await needsPrimary.then(
      ({ rows }) => rows[0]?.['who'],
      (error: { code?: unknown }) => error.code,
    )
    expect(['ada', 'NEAREST_NOT_HERE', '55000']).toContain(answer)
    client.release()
  })
})

test('a read-only transaction that is SERIALIZABLE, and lost with its COMMIT on its way, runs again', async () => {
  const pool = await poolIn('ord')
  const options = { readOnly: true, isolationLevel: 'serializable' } as const
  const work = pool.transaction(options, ({ commitWith }) =>
    commitWith("select pg_sleep(0.5), 'serializable' as level"),
  )
  await until(async () => {
    const sleeping = "query like '%pg_sleep(0.5), ''serializable''%' and state = 'active' and pid <> pg_backend_pid()"
    const ended = await ask(
      world.url('nrt'),
      `select pg_terminate_backend(pid) from pg_stat_activity where ${sleeping}`,
    )
    return ended.length > 0
  }, 'its statement')
  expect((await within(BOUND_MS, 'the transaction', work)).rows).toMatchObject([{ level: 'serializable' }])
})

describe('a transaction is cut off while something is open on it that nobody reads to its end', () => {
  const rows = 'select generate_series(1, 5000)::text'
  const never = (): Promise<unknown> => new Promise(() => undefined)
  const ignore = (): void => undefined
  const copyIn = (tx: Transaction): Writable => {
    const copy: Writable = tx.query(from('copy notes from stdin'))
    copy.write('not kept\n')
    return copy.on('error', ignore)
  }
  interface Shape {
    readonly name: string
    readonly work: (tx: Transaction) => Promise<unknown>
  }
  const SHAPES: readonly Shape[] = [
    { name: 'a stream', work: async (tx) => void tx.query(new QueryStream(rows)).on('error', ignore) },
    { name: 'a stream, awaited', work: (tx) => finished(tx.query(new QueryStream(rows))) },
    {
      name: 'a stream, read slowly',
      work: async (tx) => {
        for await (const row of tx.query(new QueryStream(rows))) await sleep(50, row)
      },
    },
    { name: 'a stream of a slow statement', work: (tx) => finished(tx.query(new QueryStream('select pg_sleep(20)'))) },
    { name: 'a cursor', work: (tx) => tx.query(new Cursor(rows)).read(1) },
    { name: 'a cursor, and its function waits', work: (tx) => tx.query(new Cursor(rows)).read(1).then(never) },
    { name: 'a COPY', work: async (tx) => void copyIn(tx) },
    { name: 'a COPY, awaited', work: (tx) => finished(copyIn(tx)) },
  ]
  const ways = [
    { how: 'timeoutMs', first: true },
    { how: 'signal', first: true },
    { how: 'timeoutMs', first: false },
    { how: 'signal', first: false },
  ]

  test.each(ways)('by its $how, first statement: $first', async ({ how, first }) => {
    const pool = await poolIn('ord')
    const failures = SHAPES.map(async ({ name, work }) => {
      const controller = new AbortController()
      const reason = new Error('enough')
      const cut = how === 'signal' ? { signal: controller.signal } : { timeoutMs: 300 }
      const result = pool.transaction(cut, async (tx) => {
        if (!first) await tx.query("insert into notes values ('not kept')")
        await work(tx)
      })
      if (how === 'signal') setTimeout(() => controller.abort(reason), 300)
      const error = await errorOf(BOUND_MS, name, result)
      return { name, told: error === reason ? 'signal' : (error as { code?: unknown } | undefined)?.code }
    })
    const told = how === 'signal' ? 'signal' : 'NEAREST_TIMEOUT'
    expect(await Promise.all(failures)).toEqual(SHAPES.map(({ name }) => ({ name, told })))
    await until(async () => (await ask(world.url('nrt'), OPEN)).length === 0, 'the server to have rolled back')
    await within(BOUND_MS, 'end()', pool.end())
    expect(await notes()).toEqual([])
  })
})

/** Transactions of the role under test that are open on a server. */
const OPEN = 'select from pg_stat_activity where xact_start is not null and pid <> pg_backend_pid() and usename = user'

describe('whoever reads a stream, or closes a cursor, hears that its connection is gone', () => {
  const rows = 'select n from generate_series(1, 100000) as n'
  const readAll = async (stream: QueryStream, onFirst: () => void): Promise<number> => {
    let read = 0
    for await (const _ of stream) if (++read === 1) onFirst()
    return read
  }

  test.each(['timeoutMs', 'signal'])('by %s of the transaction', async (how) => {
    const pool = await poolIn('nrt')
    const reason = new Error('the visitor left')
    const stop = new AbortController()
    let reading: Promise<number> | undefined
    const options = how === 'timeoutMs' ? { timeoutMs: 300 } : { signal: stop.signal }
    const cut = pool.transaction(options, async (tx) => {
      const stream = tx.query(new QueryStream(rows, [], { batchSize: 10, highWaterMark: 10 }))
      reading = readAll(stream, () => {
        stream.pause()
        stop.abort(reason)
      })
      await reading
    })
    const told = how === 'timeoutMs' ? { code: 'NEAREST_TIMEOUT' } : { message: reason.message }
    expect(await errorOf(BOUND_MS, 'the transaction', cut)).toMatchObject(told)
    expect(await errorOf(BOUND_MS, 'its stream', reading ?? Promise.resolve())).toMatchObject(told)
  })

  test('by a backend that is terminated', async () => {
    const client = await (await poolIn('nrt')).connect()
    client.on('error', () => undefined)
    const cursor = client.query(new Cursor('select pg_backend_pid() as pid from generate_series(1, 1000)'))
    const [row] = (await cursor.read(10)) as { pid: number }[]
    await ask(world.url('nrt'), `select pg_terminate_backend(${row?.pid})`)
    await errorOf(BOUND_MS, 'the next rows', cursor.read(10))
    await within(BOUND_MS, 'closing it', cursor.close())
    client.release(true)
  })
})

test('a read-only transaction whose only server dies: everything that is not awaited in it ends', async () => {
  const alone = await startWorld({ primary: 'nrt', rtt: 10 })
  const pool = pools.create({ primary: alone.url('nrt') })
  try {
    await pool.query('select 1')
    const inTransaction = Promise.allSettled([
      pool.transaction({ readOnly: true, timeoutMs: 3_000 }, (tx) =>
        Promise.allSettled([tx.query('select pg_sleep(2)'), tx.query('select 2'), tx.query('select 3')]),
      ),
    ])
    const client = await pool.connect()
    const texts = ['begin read only', 'select pg_sleep(2)', 'select 2', 'commit']
    const all = Promise.allSettled(texts.map((text) => client.query(text)))
    await sleep(300)
    await alone.kill('nrt')
    await within(BOUND_MS, 'all on the client', all)
    await within(BOUND_MS, 'the transaction', inTransaction)
    client.release()
    await within(BOUND_MS, 'end()', pool.end())
  } finally {
    await alone.stop()
  }
})
