import pg from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type RoutedClient, type Session } from '../../src/index.ts'
import { ask, caughtUp, scansOf, until, withUsers, WRITE_OUT } from './fixtures.ts'
import { rejectionOf, running, settled, terminate } from './settling.ts'

/** A cursor or a query stream that only reads goes where a read goes, and shows what its session must see. */
let world: World
let pool: NearestPool
let session: Session
let client: RoutedClient
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 20 })
  await withUsers(world)
  await ask(
    world.url('nrt'),
    `create view hitting as select hit() as n;
     create function hit_late() returns int language plpgsql as $$ begin
       perform pg_advisory_xact_lock(7); update hits set n = n + 1; return 0; end $$;
     create view hitting_late as select hit_late() as n;
     create function late(n int) returns int language plpgsql as $$ begin
       if pg_is_in_recovery() and n = 3 then raise 'in the way of recovery' using errcode = '40001'; end if;
       return n; end $$;
     create view slow_on_a_replica as select 5 as n, pg_sleep(case when pg_is_in_recovery() then 60 else 0 end)::text;
     create view conflicting as select late(n) as n from generate_series(1, 5) as n;
     create view conflicting_at_once as select late(n) as n from generate_series(3, 5) as n`,
  )
})
afterAll(() => world.stop())
beforeEach(async () => {
  pool = createPool(world.poolOptions('ord'))
  pool.on('error', () => undefined)
  await caughtUp(world, pool)
  session = pool.session()
  client = await session.connect()
})
afterEach(async () => {
  await world.resumeReplay('ord')
  await pool.destroy()
})

type Row = Record<string, unknown>

const MANY = 'select n::int from generate_series(1, 1000) as n'
const NAMES = 'select name from users order by id'
const SHOWN = 'select n from hits'

/** The servers on which this runs, as they say. */
async function serversOf(text: string): Promise<string[]> {
  const asked = `select 1 from pg_stat_activity where pid <> pg_backend_pid() and state = 'active' and query = '${text}'`
  const found = await Promise.all(
    world.regions.map(async (region) => ((await ask(world.url(region), asked)).length > 0 ? region : undefined)),
  )
  return found.filter((region) => region !== undefined)
}

/** Reads from a cursor, looks where it is open, and closes it. */
async function readOn(on: { query: RoutedClient['query'] }, text: string): Promise<{ rows: Row[]; at: string[] }> {
  const cursor = on.query(new Cursor<Row>(text))
  const rows = await settled(cursor.read(1), 'the first row')
  const at = await serversOf(text)
  rows.push(...(await settled(cursor.read(9), 'the other rows')))
  await settled(cursor.close(), 'close()')
  return { rows, at }
}

const streamOf = (text: string, on: { query: RoutedClient['query'] } = client): Promise<Row[]> =>
  settled(on.query(new QueryStream(text)).toArray() as Promise<Row[]>, 'the stream')

const serverOfRead = async (on: { query: Session['query'] }): Promise<string> =>
  (await settled(on.query('select 1'), 'the read')).servedBy.server

async function lateReplica(): Promise<void> {
  await world.pauseReplay('ord')
  await client.query('select hit()')
}

/** What the primary has shown, whose log moves by itself, too, the replica is known to show: until then the client stays there. */
const returnable = (): Promise<void> => caughtUp(world, pool)

/** What was borrowed is back, and nothing is left on it. */
async function isFreeAgain(): Promise<void> {
  await until(() => pool.totalCount === pool.idleCount, 'every connection to be idle')
  expect((await settled(pool.query("select 'next' as who"), 'the next read')).rows).toEqual([{ who: 'next' }])
}

describe('what only reads', () => {
  test('is read from the replica, on a client and by the pool', async () => {
    const before = await scansOf(world.url('ord'), 'users')
    expect((await readOn(client, NAMES)).at).toEqual(['ord'])
    expect((await readOn(pool, `${NAMES} `)).at).toEqual(['ord'])
    expect(await streamOf(NAMES)).toHaveLength(3)
    expect(await streamOf(NAMES, pool)).toHaveLength(3)
    expect(await serverOfRead(client)).toBe('ord')
    expect(await serverOfRead(session)).toBe('ord')
    client.release()
    await isFreeAgain()
    await pool.end()
    await until(async () => (await scansOf(world.url('ord'), 'users')) >= before + 4, 'the replica to count all four')
  })

  test('is read from the primary, if the replica does not show what its session has written', async () => {
    await lateReplica()
    const [{ n }] = (await ask(world.url('nrt'), SHOWN)) as [{ n: number }]
    expect(await readOn(client, SHOWN)).toEqual({ rows: [{ n }], at: ['nrt'] })
    expect(await streamOf(SHOWN)).toEqual([{ n }])
    expect(await streamOf(SHOWN, session)).toEqual([{ n }])
    const next = pool.session(session.bookmark())
    const other = await next.connect()
    expect(await streamOf(SHOWN, other)).toEqual([{ n }])
    other.release()
  })

  test('or if it is asked to be up to date', async () => {
    await world.pauseReplay('ord')
    const [{ n }] = (await ask(world.url('nrt'), 'select hit() as n')) as [{ n: number }]
    expect(await pool.withConsistency('strong', () => streamOf(SHOWN, pool))).toEqual([{ n }])
  })

  test('is read from the replica again, once that shows it', async () => {
    await client.query('select hit()')
    await caughtUp(world, pool)
    expect((await readOn(client, SHOWN)).at).toEqual(['ord'])
    const next = await pool.session(session.bookmark()).connect()
    expect((await readOn(next, `${SHOWN} `)).at).toEqual(['ord'])
    next.release()
  })

  test('is read from the replica on its handle, or elsewhere, if that does not show what it must', async () => {
    await session.run(async () => {
      const reader = await pool.replica().connect()
      expect((await readOn(reader, NAMES)).at).toEqual(['ord'])
      await lateReplica()
      expect((await readOn(reader, SHOWN)).at).toEqual(['nrt'])
      reader.release()
    })
  })

  test('stays in its transaction', async () => {
    await client.query('begin read only')
    expect((await readOn(client, `${NAMES} `)).at).toEqual(['ord'])
    await client.query('commit')
    await client.query('begin')
    await client.query("insert into users (name) values ('Streamed')")
    expect(await streamOf("select name from users where name = 'Streamed'")).toEqual([{ name: 'Streamed' }])
    await client.query('rollback')
    await client.query('begin')
    expect((await readOn(client, NAMES)).at).toEqual(['nrt'])
    await client.query('commit')
  })
})

test.each([
  { what: 'a function of the app', text: 'select late(1) as n' },
  { what: 'FOR UPDATE', text: 'select id from users for update' },
  { what: 'a write', text: 'update hits set n = n returning n' },
])('$what: on the primary', async ({ text }) => {
  expect((await readOn(client, text)).at).toEqual(['nrt'])
})

describe('what the replica cannot run is run on the primary', () => {
  test('because it writes, once', async () => {
    const [{ n }] = (await ask(world.url('nrt'), SHOWN)) as [{ n: number }]
    expect(await streamOf('select n from hitting')).toEqual([{ n: n + 1 }])
    expect(await readOn(client, 'select n from hitting')).toEqual({ rows: [{ n: n + 2 }], at: ['nrt'] })
  })

  test('because a table has not arrived there', async () => {
    await world.pauseReplay('ord')
    await ask(world.url('nrt'), 'create table arriving as select 7 as n')
    expect(await streamOf('select n from arriving')).toEqual([{ n: 7 }])
    expect(await streamOf('select n from arriving', pool)).toEqual([{ n: 7 }])
    expect(await rejectionOf(streamOf('select n from nowhere'), 'the stream')).toMatchObject({ code: '42P01' })
    client.release()
    await isFreeAgain()
  })

  test('because it conflicts with recovery, or its connection dies, before the first row', async () => {
    expect(await streamOf('select n from conflicting_at_once')).toHaveLength(3)
    await returnable()
    const slow = 'select * from slow_on_a_replica'
    const read = client.query(new Cursor<Row>(slow)).read(5)
    await running(world.url('ord'), slow)
    await terminate(world.url('ord'), slow)
    expect(await settled(read, 'the rows')).toMatchObject([{ n: 5 }])
    client.release()
    await isFreeAgain()
  })
})

test('so does one of a read-only handle', async () => {
  const slow = 'select * from slow_on_a_replica'
  const reader = await pool.replica().connect()
  const read = reader.query(new Cursor<Row>(slow)).read(5)
  await running(world.url('ord'), slow)
  await terminate(world.url('ord'), slow)
  expect(await settled(read, 'the rows')).toMatchObject([{ n: 5 }])
  reader.release()
})

test('what is aborted before its first row does not go on on its server', async () => {
  const text = 'select pg_sleep(30)::text as slept'
  const controller = new AbortController()
  const transaction = pool.transaction({ signal: controller.signal }, async (tx) => {
    for await (const row of tx.query(new QueryStream(text))) expect(row).toBeUndefined()
  })
  const ended = rejectionOf(transaction, 'the transaction')
  await running(world.url('nrt'), text)
  controller.abort(new Error('enough'))
  expect(await ended).toMatchObject({ message: 'enough' })
  await until(async () => (await serversOf(text)).length === 0, 'it to be cancelled', 3_000)
})

describe('what fails once rows were told is the caller’s', () => {
  test('a conflict with recovery', async () => {
    const cursor = client.query(new Cursor<Row>('select n from conflicting'))
    expect(await settled(cursor.read(1), 'the first row')).toEqual([{ n: 1 }])
    expect(await rejectionOf(cursor.read(9), 'the others')).toMatchObject({ code: '40001' })
    expect(await serverOfRead(client)).toBe('ord')
    client.release()
    await isFreeAgain()
  })

  test('a lost connection', async () => {
    const cursor = client.query(new Cursor<Row>(MANY))
    await settled(cursor.read(1), 'the first row')
    const behind = client.query('select 42 as answer')
    await ask(world.url('ord'), `select pg_terminate_backend(pid) from pg_stat_activity where query = '${MANY}'`)
    expect(await rejectionOf(cursor.read(9), 'the others')).toBeInstanceOf(Error)
    expect((await settled(behind, 'the statement behind it')).rows).toEqual([{ answer: 42 }])
    client.release()
    await isFreeAgain()
  })
})

describe('its client', () => {
  test('is free again behind an error, at once or in the middle', async () => {
    for (const text of ['selekt', 'select 1 / 0 as n', 'select 1 / (5 - n) as n from generate_series(1, 9) as n']) {
      expect(await rejectionOf(streamOf(text), text)).toMatchObject({ code: text === 'selekt' ? '42601' : '22012' })
    }
    await returnable()
    expect(await serverOfRead(client)).toBe('ord')
    expect(await serverOfRead(session)).toBe('ord')
    client.release()
    await isFreeAgain()
  })

  test('runs two statements behind it, not awaited, when it has ended', async () => {
    const streamed = streamOf(MANY)
    const behind = [client.query('select 1 as n'), client.query('update hits set n = n returning 2 as n')]
    expect(await streamed).toHaveLength(1_000)
    const answers = await settled(Promise.all(behind), 'both')
    expect(answers.map(({ rows }) => (rows as Row[])[0]?.n)).toEqual([1, 2])
  })

  test('is free again when it is destroyed, or closed', async () => {
    for await (const row of client.query(new QueryStream(MANY, [], { batchSize: 10 }))) {
      if ((row as { n: number }).n === 25) break
    }
    client
      .query(new QueryStream(MANY))
      .on('error', () => undefined)
      .destroy()
    const cursor = client.query(new Cursor<Row>(NAMES))
    const read = cursor.read(1)
    await settled(cursor.close(), 'close()')
    expect(await settled(read, 'the read')).toHaveLength(1)
    expect(await serverOfRead(client)).toBe('ord')
    expect(await serverOfRead(session)).toBe('ord')
    client.release()
    await isFreeAgain()
  })

  test('is free again when it is closed before the replica has refused it, and that writes nothing', async () => {
    const before = await ask(world.url('nrt'), SHOWN)
    const text = 'select n from hitting_late'
    const holder = new pg.Client(world.url('ord'))
    await holder.connect()
    await holder.query('select pg_advisory_lock(7)')
    const cursor = client.query(new Cursor<Row>(text))
    cursor.read(1).catch(() => undefined)
    await running(world.url('ord'), text)
    // The primary, which shows nothing of it, may be ahead of the replica.
    await world.pauseReplay('ord')
    await ask(world.url('nrt'), WRITE_OUT)
    const closed = cursor.close()
    await holder.end()
    await settled(closed, 'close()')
    const { servedBy } = await settled(client.query('select 1'), 'the read')
    expect(servedBy).toMatchObject({ server: 'ord' })
    expect(await ask(world.url('nrt'), SHOWN)).toEqual(before)
    client.release()
    await isFreeAgain()
  })

  test('is released while it is open', async () => {
    const cursor = client.query(new Cursor<Row>(MANY))
    expect(await settled(cursor.read(10), 'the first rows')).toHaveLength(10)
    client.release()
    await isFreeAgain()
  })
})
