import pg from 'pg'
import Cursor from 'pg-cursor'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions, RoutedClient } from '../../src/index.ts'
import { ask, until } from './fixtures.ts'
import { inSomeTry } from './in-some-try.ts'
import { tally, within } from './settling.ts'
import { TestPools } from './test-pools.ts'

// With one database a client has a connection of its own from the start.
let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt' })
  await ask(
    world.url('nrt'),
    `create table notes (n int primary key, note int not null default 0);
     insert into notes (n) select n from generate_series(0, 19) as n;
     create view sharing as select current_setting('transaction_read_only') as setting, pg_backend_pid() as pid;
     create table locked (a int);
     create function be(who text) returns void language plpgsql as $$ begin perform set_config('app.who', who, false); end $$;
     create procedure become(who text) language plpgsql as $$ begin perform set_config('app.who', who, false); end $$;
     create table arrivals (who text);
     create function arrive() returns trigger language plpgsql as $$ begin perform be(new.who); return new; end $$;
     create trigger arrive before insert on arrivals for each row execute function arrive();
     create view me as select current_setting('app.who', true) as who;
     create function mutter() returns int language plpgsql as $$ begin raise notice 'hm'; return 1; end $$;
     create view mutterings as select mutter() as n`,
  )
})
afterAll(() => world.stop())

const pools = new TestPools()
afterEach(() => pools.destroyAll())

/** It tells by itself whether it shares a connection: there it is READ ONLY. */
const SHARED = 'select setting, pid from sharing'
const NOTE = 'select note from notes where n = $1'
const ME = 'select who from me'
const WAITING = 'select setting, pid, (select count(*) from locked) as rows from sharing'

interface Sharing {
  readonly setting: string
  readonly pid: number
}

async function start(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  const pool = await pools.start({ primary: world.url('nrt'), ...options })
  for (const text of [SHARED, WAITING, NOTE]) {
    for (let i = 0; i < 5; i++) await pool.query(text, text === NOTE ? [1] : [])
  }
  return pool
}

async function lending<T>(pool: NearestPool, count: number, work: (clients: RoutedClient[]) => Promise<T>): Promise<T> {
  const clients = await Promise.all(Array.from({ length: count }, () => pool.connect()))
  try {
    return await work(clients)
  } finally {
    for (const client of clients) client.release()
  }
}

async function read(client: RoutedClient): Promise<Sharing> {
  const { rows } = await client.query<Sharing>(SHARED)
  return rows[0] ?? { setting: '', pid: 0 }
}

function isShared({ setting }: Sharing): boolean {
  return setting === 'on'
}

function pidOf(client: RoutedClient): number | null {
  return (client as RoutedClient & { readonly processID: number | null }).processID
}

async function waitingPids(): Promise<unknown[]> {
  const rows = await ask(world.url('nrt'), `select pid from pg_locks where not granted`)
  return rows.map(({ pid }) => pid)
}

/** Nothing is open, and nobody has kept anything. */
async function expectUnused(pool: NearestPool): Promise<void> {
  await until(() => pool.idleCount === pool.totalCount, 'all are idle')
  const left = await ask(
    world.url('nrt'),
    `select state from pg_stat_activity where usename = current_user and pid <> pg_backend_pid() and state <> 'idle'`,
  )
  expect(left).toEqual([])
  expect(pool.waitingCount).toBe(0)
}

test('what several read at once goes along on the connection of one of them, and each keeps his', async () => {
  const pool = await start()
  await inSomeTry(() =>
    lending(pool, 8, async (clients) => {
      const pids = clients.map(pidOf)
      const reads = await Promise.all(clients.map(read))
      expect(clients.map(pidOf)).toEqual(pids)
      expect(new Set(pids).size).toBe(8)
      const shared = reads.filter(isShared)
      return shared.length > 6 && new Set(shared.map(({ pid }) => pid)).size <= 2
    }),
  )
  expect(pool.totalCount).toBeLessThanOrEqual(10)
  await expectUnused(pool)
})

test('though others wait for a connection, who has one shares it', async () => {
  const pool = await start({ max: 3 })
  await inSomeTry(async () => {
    const reads = await Promise.all(
      Array.from({ length: 60 }, async () => {
        const client = await pool.connect()
        try {
          return await read(client)
        } finally {
          client.release()
        }
      }),
    )
    return reads.filter(isShared).length > 30
  })
  expect(pool.totalCount).toBe(3)
  await expectUnused(pool)
})

test('what its holder does next runs there alone, and sees what he has written', async () => {
  const pool = await start()
  let shared = 0
  const work = async (n: number): Promise<void> => {
    for (let i = 1; i <= 20; i++) {
      const client = await pool.connect()
      const note = async (): Promise<unknown> => (await client.query<{ note: number }>(NOTE, [n])).rows[0]?.note
      try {
        expect(await note()).toBe(i - 1)
        if (isShared(await read(client))) shared++
        if (i % 3 === 0) {
          await client.query('begin')
          await client.query('update notes set note = -1 where n = $1', [n])
          expect(await note()).toBe(-1)
          expect(await read(client)).toEqual({ setting: 'off', pid: pidOf(client) })
          await client.query('rollback')
          expect(await note()).toBe(i - 1)
        }
        await client.query('update notes set note = $2 where n = $1', [n, i])
        expect(await note()).toBe(i)
      } finally {
        client.release()
      }
    }
  }
  await Promise.all(Array.from({ length: 20 }, (_, n) => work(n)))
  expect(shared).toBeGreaterThan(30)
  await expectUnused(pool)
})

test.each([
  ['released', (client: RoutedClient) => client.release()],
  ['released, to be closed', (client: RoutedClient) => client.release(true)],
  ['released with an error', (client: RoutedClient) => client.release(new Error('broken'))],
])('a connection that is %s while the reads of others are on it: they are answered', async (_, release) => {
  const pool = await start()
  for (let i = 0; i < 20; i++) {
    const clients = await Promise.all(Array.from({ length: 8 }, () => pool.connect()))
    const [first, ...others] = clients
    if (first === undefined) throw new Error('Eight were lent')
    const own = first.query(SHARED).catch((error: unknown) => error)
    const reads = others.map(read)
    if (i % 2 === 0) await own
    release(first)
    expect((await Promise.all(reads)).length).toBe(7)
    await own
    for (const client of others) client.release()
  }
  await expectUnused(pool)
})

/** Gives this a read that waits for what `blocker` locks, in some tries, on a pool whose connections are known to answer what follows something else. */
async function withWaitingRead(
  pool: NearestPool,
  attempt: (waiting: string, shared: string, blocker: pg.Client) => Promise<boolean>,
): Promise<void> {
  // Until they have, they are given up early as a pooler's.
  for (let i = 0; i < 50; i++) await lending(pool, 2, ([a, b]) => Promise.all([a?.query(SHARED), b?.query(WAITING)]))
  const blocker = new pg.Client(world.url('nrt'))
  await blocker.connect()
  let tries = 0
  try {
    await inSomeTry(async () => {
      // One that was slow is kept apart for a while.
      tries++
      const [waiting, shared] = [`${WAITING} where ${tries} > 0`, `${SHARED} where ${tries} > 0`]
      for (const text of [waiting, shared]) for (let i = 0; i < 5; i++) await pool.query(text)
      return attempt(waiting, shared, blocker)
    })
  } finally {
    await blocker.end()
  }
  await expectUnused(pool)
}

test.each([
  ['release(true)', (client: RoutedClient) => client.release(true)],
  ['release(error)', (client: RoutedClient) => client.release(new Error('broken'))],
  ['end()', (client: RoutedClient) => void (client as unknown as pg.Client).end()],
])(
  '%s of a client closes its connection only when the reads of others there have been answered',
  async (_, release) => {
    const pool = await start()
    await withWaitingRead(pool, async (waiting, shared, blocker) => {
      const [holder, neighbour] = [await pool.connect(), await pool.connect()]
      const pid = pidOf(holder)
      await blocker.query('begin; lock table locked')
      const own = holder.query(shared)
      const waits = neighbour.query<Sharing>(waiting)
      await own
      // It would not be waited for long.
      const { rows: locks } = await blocker.query(`select 1 from pg_locks where not granted and pid = ${pid}`)
      release(holder)
      await blocker.query('commit')
      const { rows } = await within(5_000, 'the read', waits)
      neighbour.release()
      const isGone = `select 1 from pg_stat_activity where pid = ${pid}`
      await until(async () => (await ask(world.url('nrt'), isGone)).length === 0, 'it is closed')
      return locks.length > 0 && rows[0]?.pid === pid
    })
  },
)

test('a connection that dies while the reads of others are on it: they run elsewhere', async () => {
  const pool = await start()
  for (let i = 0; i < 5; i++) {
    await lending(pool, 8, async (clients) => {
      await Promise.all(clients.map(read))
      const reads = clients.map((client) => client.query(WAITING))
      await ask(
        world.url('nrt'),
        `select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and pid <> pg_backend_pid()`,
      )
      const ended = await within(10_000, 'the reads', Promise.allSettled(reads))
      expect(tally(ended)).toEqual({ fulfilled: 8 })
    })
  }
  await expectUnused(pool)
})

test('who waits for the drain of his own client shares nothing', async () => {
  const pool = await start()
  await lending(pool, 4, async (clients) => {
    for (const client of clients) client.on('drain', () => undefined)
    const reads = await Promise.all(clients.map(read))
    expect(reads.map(({ pid }) => pid)).toEqual(clients.map(pidOf))
    expect(reads.some(isShared)).toBe(false)
  })
})

async function expectEachHimself(clients: readonly RoutedClient[], names: readonly unknown[]): Promise<void> {
  for (let i = 0; i < 3; i++) {
    const results = await Promise.all(clients.map((client) => client.query<{ who: string }>(ME)))
    expect(results.map(({ rows }) => rows[0]?.who)).toEqual(names)
  }
}

test.each<[string, (client: RoutedClient, name: string) => Promise<unknown>]>([
  ['a function', (client, name) => client.query('select be($1)', [name])],
  ['a procedure', (client, name) => client.query('call become($1)', [name])],
  ['a DO block', (client, name) => client.query(`do $$ begin perform be('${name}'); end $$`)],
  ['a trigger', (client, name) => client.query('insert into arrivals values ($1)', [name])],
  [
    'a function in a transaction',
    async (client, name) => {
      await client.query('begin')
      await client.query('select be($1)', [name])
      await client.query('commit')
    },
  ],
  ['a transaction in one text', (client, name) => client.query(`begin; select be('${name}'); commit`)],
  [
    'a cursor',
    async (client, name) => {
      const cursor = client.query(new Cursor('select be($1)', [name]))
      await cursor.read(1)
      await cursor.close()
    },
  ],
])('what %s has set without showing it counts for whoever has called it, and for nobody else', async (_, be) => {
  const pool = await start()
  for (let i = 0; i < 5; i++) await pool.query(ME)
  await lending(pool, 8, async (clients) => {
    const names = clients.map((_client, i) => `nobody but ${i}`)
    await Promise.all(clients.map((client, i) => be(client, names[i] ?? '')))
    await expectEachHimself(clients, names)
  })
})

test('what a listener of "acquire" has set counts for whoever has got the connection', async () => {
  const pool = await start()
  for (let i = 0; i < 5; i++) await pool.query(ME)
  const listener = (client: pg.PoolClient & { readonly processID?: number | null }): void => {
    void client.query(`select be('${client.processID}')`)
  }
  pool.on('acquire', listener)
  await lending(pool, 8, async (clients) => {
    const names = clients.map((client) => String(pidOf(client)))
    await expectEachHimself(clients, names)
    pool.off('acquire', listener)
    await expectEachHimself(clients, names)
  })
  pool.on('acquire', listener)
  const reads = await Promise.all(Array.from({ length: 40 }, () => pool.query<Sharing>(SHARED)))
  expect(reads.some(({ rows: [row] }) => row === undefined || isShared(row))).toBe(false)
})

test('parsers that somebody gives his client are for what he reads, and for all of that', async () => {
  const pool = await start()
  const text = 'select n from notes where n = 2'
  for (let i = 0; i < 5; i++) await pool.query(text)
  await lending(pool, 8, async (clients) => {
    const numbers = async (): Promise<unknown[]> => {
      const results = await Promise.all(clients.map((client) => client.query<{ n: unknown }>(text)))
      return results.map(({ rows }) => rows[0]?.n)
    }
    const inFlight = numbers()
    clients[0]?.setTypeParser(23, (value) => `first: ${value}`)
    const [, ...others] = await inFlight
    expect(others).toEqual(clients.slice(1).map(() => 2))
    clients[1]?.setTypeParser(23, (value) => `second: ${value}`)
    for (let i = 0; i < 3; i++)
      expect(await numbers()).toEqual(['first: 2', 'second: 2', ...clients.slice(2).map(() => 2)])
    await inSomeTry(async () => (await Promise.all(clients.slice(2).map(read))).filter(isShared).length > 4)
    clients[0]?.release(true)
    clients[1]?.release(true)
    clients.splice(0, 2)
  })
})

test('who listens for the notices of his own client hears his own', async () => {
  const pool = await start()
  pool.on('connect', (client: pg.PoolClient) => void client.on('notice', () => undefined))
  for (let i = 0; i < 5; i++) await pool.query('select n from mutterings')
  await lending(pool, 8, async (clients) => {
    const heard = clients.map(() => 0)
    const listeners = clients.map((client, i) => {
      const listener = (): void => void (heard[i] = (heard[i] ?? 0) + 1)
      client.on('notice', listener)
      return () => client.removeListener('notice', listener)
    })
    await Promise.all(clients.map((client) => client.query('select n from mutterings')))
    for (const stop of listeners) stop()
    expect(heard).toEqual(clients.map(() => 1))
    await inSomeTry(async () => (await Promise.all(clients.map(read))).filter(isShared).length > 6)
  })
})

test.each<[string, (pool: NearestPool) => Pick<NearestPool, 'connect'>, (client: RoutedClient) => Promise<unknown>]>([
  ['a statement', (pool) => pool, (client) => client.query('select pg_sleep(0.05)')],
  ['a write', (pool) => pool, (client) => client.query('update notes set note = 1 where n = 19')],
  ['a pg.Query', (pool) => pool, submit],
  ['a pg.Query of a client of replica()', (pool) => pool.replica(), submit],
])('%s gets its connection back from a read that waits, and is not cancelled with it', async (_, handle, next) => {
  const pool = await start({ max: 2 })
  await withWaitingRead(pool, async (waiting, shared, blocker) => {
    const [holder, neighbour] = [await handle(pool).connect(), await handle(pool).connect()]
    // So that each holds one, on a handle, too.
    await Promise.all([holder, neighbour].map((client) => client.query(`${waiting} and 'nobody' <> 'knows'`)))
    await blocker.query('begin; lock table locked')
    const own = holder.query(shared)
    const slow = neighbour.query(waiting)
    await own
    await until(async () => (await waitingPids()).length > 0, 'it waits for the lock')
    const isMet = (await waitingPids()).includes(pidOf(holder))
    await within(5_000, 'what its holder does next', next(holder))
    await blocker.query('commit')
    await within(5_000, 'the slow read', slow)
    for (const client of [holder, neighbour]) client.release()
    return isMet
  })
})

function submit(client: RoutedClient): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const callback = (error: unknown, result: unknown): void => (error ? reject(error) : resolve(result))
    client.query(new pg.Query('select pg_sleep(0.05)', callback))
  })
}

test('a pool can be ended while reads are on a connection of somebody else', async () => {
  const pool = await start()
  for (let i = 0; i < 3; i++) await lending(pool, 8, (clients) => Promise.all(clients.map(read)))
  const clients = await Promise.all(Array.from({ length: 8 }, () => pool.connect()))
  const reads = clients.map(read)
  const ended = pool.end()
  expect(await Promise.all(reads)).toHaveLength(8)
  for (const client of clients) client.release()
  await within(5_000, 'end()', ended)
})
