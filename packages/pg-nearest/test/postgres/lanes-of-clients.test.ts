import { setTimeout as sleep } from 'node:timers/promises'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable } from 'drizzle-orm/pg-core'
import { eq } from 'drizzle-orm'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type NearestPoolOptions, type RoutedClient } from '../../src/index.ts'
import { ask, caughtUp, until as untilSo } from './fixtures.ts'
import { within } from './settling.ts'

let world: World
/** On the primary, and with these texts. */
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await ask(
    world.url('nrt'),
    `create view sharing as select current_setting('transaction_read_only') as setting;
     create table notes (n int primary key, note text);
     insert into notes select n, null from generate_series(1, 10) as n;
     create table locked (a int);
     create function noisy() returns int language plpgsql as $$ begin raise notice 'heard'; return 1; end $$;
     create view noise as select noisy() as n`,
  )
  await caughtUp(world)
  pool = await start({ ...world.poolOptions('nrt'), lanes: true })
  for (const text of TEXTS) for (let i = 0; i < 4; i++) await pool.query(text, text.includes('$1') ? [1] : [])
  await until(() => isShared(pool))
})
afterAll(async () => {
  await within(5_000, 'end()', pool.end())
  await world.stop()
})

/** On the primary it tells by itself whether it shares a connection: there it is READ ONLY. */
const SHARED = 'select setting from sharing'

const BY_KEY = 'select n, note from notes where n = $1'
const NOTE = 'select note from notes where n = 3'
/** It tells so, too. */
const LOCKED = 'select setting, (select count(*) from locked) as n from sharing'
const TEXTS = [SHARED, BY_KEY, NOTE, LOCKED, 'select n from noise']

async function start(options: NearestPoolOptions): Promise<NearestPool> {
  const started = createPool(options)
  started.on('error', () => undefined)
  await started.refresh()
  return started
}

/** A slow run on a busy machine keeps a text apart for a while. */
async function until(holds: () => Promise<boolean>, tries = 5_000): Promise<void> {
  for (let i = 0; i < tries; i++) if (await holds()) return
  throw new Error('It never came to hold')
}

async function isShared(asked: Pick<NearestPool | RoutedClient, 'query'>): Promise<boolean> {
  const { rows } = await asked.query<{ setting: string }>(SHARED)
  return rows[0]?.setting === 'on'
}

/** Whether it holds, with at most two connections more than before. */
async function fewConnections(holds: () => Promise<boolean>): Promise<boolean> {
  const before = pool.totalCount
  return (await holds()) && pool.totalCount <= before + 2
}

async function lending<T>(work: (client: RoutedClient) => Promise<T>, from = pool): Promise<T> {
  const client = await from.connect()
  try {
    return await work(client)
  } finally {
    client.release()
  }
}

describe('a read on a borrowed client that is free', () => {
  test('shares a connection, and holds none', async () => {
    await until(() => lending(async (client) => (await isShared(client)) && pidOf(client) === null))
    await until(() =>
      fewConnections(async () => {
        const clients = await Promise.all(Array.from({ length: 50 }, () => pool.connect()))
        const shared = await Promise.all(clients.map(isShared))
        for (const client of clients) client.release()
        return shared.filter(Boolean).length > 45
      }),
    )
  })

  test('makes known by itself that its text is quick', async () => {
    await using other = await start({ ...world.poolOptions('nrt'), lanes: true })
    await until(() => lending(isShared, other))
  })

  test('has the forms of its client', async () => {
    const text = BY_KEY
    await lending(async (client) => {
      client.setTypeParser(pg.types.builtins.INT4, (value: string) => `<${value}>`)
      const { rows, servedBy } = await client.query({ text, values: [1], rowMode: 'array' })
      expect(rows).toEqual([['<1>', null]])
      expect(servedBy).toMatchObject({ server: 'nrt', role: 'primary' })
      await new Promise<void>((resolve) =>
        client.query(text, [2], (error, result) => {
          expect([error, result.rows]).toEqual([undefined, [{ n: '<2>', note: null }]])
          resolve()
        }),
      )
      await expect(client.query(text, ['x'])).rejects.toMatchObject({ code: '22P02' })
      expect(client.getTransactionStatus()).toBe('I')
    })
  })

  test('keeps its place among statements that are not awaited', async () => {
    for (let round = 0; round < 20; round++) {
      await lending(async (client) => {
        const before = client.query(NOTE)
        const write = client.query('update notes set note = $1 where n = 3', [String(round)])
        const after = client.query(NOTE)
        const order: string[] = []
        for (const [name, query] of Object.entries({ before, write, after })) void query.then(() => order.push(name))
        expect((await before).rows).toEqual([{ note: round === 0 ? null : String(round - 1) }])
        expect((await after).rows).toEqual([{ note: String(round) }])
        expect(order).toEqual(['before', 'write', 'after'])
      })
    }
  })

  test('shows what its session wrote', async () => {
    const text = 'select note from notes where n = 4'
    await using near = await start({ ...world.poolOptions('ord'), lanes: true })
    await near.session(undefined, async () => {
      for (let i = 0; i < 10; i++) {
        await near.query('update notes set note = $1 where n = 4', [String(i)])
        const reads = Array.from({ length: 5 }, () => lending(async (client) => (await client.query(text)).rows, near))
        expect(await Promise.all(reads)).toEqual(Array.from({ length: 5 }, () => [{ note: String(i) }]))
      }
    })
  })
})

describe('what ends a read on its way', () => {
  test('release() does not', async () => {
    await until(async () => {
      const client = await pool.connect()
      const read = isShared(client)
      client.release()
      await expect(client.query(SHARED)).rejects.toThrow('not queryable')
      return read
    })
  })

  /** It waits for a lock, and nobody else is in its lane. */
  async function locked(work: (client: RoutedClient) => Promise<void>): Promise<void> {
    const locking = new pg.Client({ connectionString: world.url('nrt') })
    await locking.connect()
    await until(async () => (await pool.query<{ setting: string }>(LOCKED)).rows[0]?.setting === 'on')
    try {
      await locking.query('begin; lock table locked')
      await work(await pool.connect())
      await until(async () => (await locking.query('select 1 from pg_locks where not granted')).rowCount === 0)
    } finally {
      await locking.end()
    }
  }

  test('release(true) does, on the server, too', () =>
    locked(async (client) => {
      const read = client.query(LOCKED)
      setTimeout(() => client.release(true), 50)
      await expect(read).rejects.toThrow('Connection terminated')
    }))

  test('and where it has come to be alone, because it was slow', async () => {
    const locking = new pg.Client({ connectionString: world.url('nrt') })
    await locking.connect()
    try {
      await until(async () => (await pool.query<{ setting: string }>(LOCKED)).rows[0]?.setting === 'on')
      await locking.query('begin; lock table locked')
      const client = await pool.connect()
      const read = client.query(LOCKED)
      read.catch(() => undefined)
      const neighbour = pool.query(LOCKED)
      // The connection that they share, if both may, and then one for each. Where one may not, because it was slow before, two are enough.
      const waiting = new Set<unknown>()
      await untilSo(async () => {
        const { rows } = await locking.query<{ pid: number }>('select pid from pg_locks where not granted')
        for (const { pid } of rows) waiting.add(pid)
        return waiting.size > 1
      }, 'it to run alone')
      await sleep(200)
      client.release(true)
      await expect(within(5_000, 'the read', read)).rejects.toThrow('Connection terminated')
      await locking.query('commit')
      await neighbour
    } finally {
      await locking.end()
    }
  })

  test('and where it waits for a connection', async () => {
    await using single = await start({ ...world.poolOptions('nrt'), max: 1, min: 0 })
    for (let i = 0; i < 4; i++) await single.query(BY_KEY, [1])
    const holder = await single.connect()
    await holder.query('begin')
    const [{ pid }] = (await holder.query('select pg_backend_pid() as pid')).rows as [{ pid: number }]
    const client = await single.connect()
    const told: string[] = []
    const read = client.query(BY_KEY, [1]).catch(({ message }: Error) => told.push(message))
    client.query('select nothing', (error) => told.push(error.message))
    await sleep(50)
    client.release(true)
    await holder.query('commit')
    holder.release()
    await within(5_000, 'the read', read)
    await untilSo(() => told.length === 2, 'both to be told')
    expect(told, 'in their order').toEqual(['Connection terminated', 'Connection terminated'])
    expect((await single.query('select pg_backend_pid() as pid')).rows, 'which is kept').toEqual([{ pid }])
  })

  test('a signal does', () =>
    locked(async (client) => {
      const abort = new AbortController()
      const read = client.query({ text: LOCKED, signal: abort.signal })
      setTimeout(() => abort.abort(new Error('enough')), 50)
      await expect(read).rejects.toThrow('enough')
      client.release()
    }))

  test('timeoutMs does, and says what it waited for', () =>
    locked(async (client) => {
      const read = client.query({ text: LOCKED, timeoutMs: 100 })
      await expect(read).rejects.toMatchObject({
        code: 'NEAREST_TIMEOUT',
        message: expect.stringContaining('for an answer of nrt') as string,
      })
      client.release()
    }))
})

describe('a read on a borrowed client shares nothing', () => {
  type Work = (client: RoutedClient) => Promise<unknown>
  const BINDING: readonly [what: string, bind: Work][] = [
    ['in a transaction', (client) => client.query('begin')],
    [
      'in a transaction that has begun',
      async (client) => [await client.query('begin'), await client.query('select 1')],
    ],
    [
      'in a transaction that has failed',
      async (client) => void (await client.query('begin; select 1 / 0').catch(ignore)),
    ],
    ['behind a SET that goes with it', (client) => client.query("set time zone 'UTC'")],
    ['behind a SET that binds it', (client) => client.query('set role none')],
    ['behind a temporary table', (client) => client.query('create temp table own (a int)')],
    ['behind an advisory lock', (client) => client.query('select pg_advisory_lock(7)')],
    ['while somebody listens to its notices', async (client) => void client.on('notice', ignore)],
  ]
  test.each(BINDING)('%s', async (_, bind) => {
    await lending(async (client) => {
      await bind(client)
      for (let i = 0; i < 3; i++) expect(await isShared(client).catch(() => false)).toBe(false)
      await client.query('rollback')
    })
  })

  test('and its notices are its own', async () => {
    const heard = await Promise.all(
      Array.from({ length: 5 }, () =>
        lending(async (client) => {
          let notices = 0
          client.on('notice', () => notices++)
          await client.query('select n from noise')
          return notices
        }),
      ),
    )
    expect(heard).toEqual([1, 1, 1, 1, 1])
  })
})

describe('libraries, unmodified', () => {
  test('Kysely, which borrows a client for each query', async () => {
    const db = new Kysely<{ sharing: { setting: string } }>({ dialect: new PostgresDialect({ pool }) })
    const read = async (): Promise<boolean> =>
      (await db.selectFrom('sharing').select('setting').executeTakeFirstOrThrow()).setting === 'on'
    await until(read)
    await until(() =>
      fewConnections(async () => {
        const shared = await Promise.all(Array.from({ length: 50 }, read))
        return shared.filter(Boolean).length > 45
      }),
    )
  })

  test('Drizzle, whose queries have types and a rowMode', async () => {
    const notes = pgTable('notes', { n: integer() })
    const db = drizzle({ client: pool })
    const read = (n: number): Promise<{ n: number | null }[]> =>
      db.select({ n: notes.n }).from(notes).where(eq(notes.n, n))
    for (let i = 0; i < 20; i++) await read(1)
    await until(() =>
      fewConnections(async () => {
        const rows = await Promise.all(Array.from({ length: 50 }, (_, i) => read((i % 10) + 1)))
        expect(rows).toEqual(Array.from({ length: 50 }, (_, i) => [{ n: (i % 10) + 1 }]))
        return true
      }),
    )
  })
})

function pidOf(client: RoutedClient): number | null {
  return (client as RoutedClient & { readonly processID: number | null }).processID
}

function ignore(): void {}
