import pg from 'pg'
import { to } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type RoutedClient, type Session } from '../../src/index.ts'
import { ask, caughtUp, until, withUsers } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'

/** What a cursor that only reads does to its session, and to its client. */
let world: World
let pool: NearestPool
let session: Session
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 20 })
  await withUsers(world)
  await ask(
    world.url('nrt'),
    `create view hitting as select hit() as n;
     create function nothing() returns int language sql volatile as 'select 0'`,
  )
  await caughtUp(world)
})
afterAll(() => world.stop())
beforeEach(async () => {
  pool = createPool(world.poolOptions('ord'))
  pool.on('error', () => undefined)
  session = pool.session()
  await caughtUp(world, pool)
})
afterEach(async () => {
  await Promise.all([world.resumeReplay('ord'), world.resumeReplay('syd')])
  await pool.destroy()
})

const READ = 'select name from users order by id'
const SHOWN = 'select n from hits'

/** Reads the first page of a cursor, and closes it. */
async function readOn(client: RoutedClient, text: string): Promise<unknown[]> {
  const cursor = client.query(new Cursor<Record<string, unknown>>(text))
  const rows = await settled(cursor.read(2), 'the rows')
  await settled(cursor.close(), 'close()')
  return rows
}

/** Its connection is back in the pool, so that nothing of it is in flight. */
async function released(client: RoutedClient): Promise<void> {
  client.release()
  await until(() => pool.totalCount === pool.idleCount, 'every connection to be idle')
}

async function whoReads(on: { query: Session['query'] }): Promise<string> {
  return (await settled(on.query('select 1'), 'the read')).servedBy.server
}

describe('after a cursor that reads', () => {
  test.each([
    { where: 'outside of a transaction', before: [], after: [] },
    { where: 'in a READ ONLY transaction', before: ['begin read only'], after: ['commit'] },
    { where: 'on a connection with settings', before: ["set work_mem = '5MB'"], after: ['reset all'] },
  ])('$where, its session reads from the replica', async ({ before, after }) => {
    const client = await session.connect()
    for (const text of before) await client.query(text)
    await readOn(client, READ)
    for (const text of after) await client.query(text)
    await caughtUp(world, pool)
    expect(await whoReads(client)).toBe('ord')
    expect(await whoReads(session)).toBe('ord')
    client.release()
    expect(await whoReads(pool)).toBe('ord')
  })

  test.each<{ what: string; use: (client: RoutedClient) => Promise<unknown> }>([
    { what: 'a query stream', use: (client) => client.query(new QueryStream(READ)).toArray() },
    { what: 'COPY TO', use: (client) => client.query(to(`copy (${READ}) to stdout`)).toArray() },
    { what: 'one that fails', use: (client) => readOn(client, 'select 1 / 0').catch(() => undefined) },
  ])('or $what, though that was all that it did', async ({ use }) => {
    const client = await session.connect()
    for (let i = 0; i < 3; i++) await settled(use(client), 'it')
    await released(client)
    await caughtUp(world, pool)
    expect(await whoReads(session)).toBe('ord')
    expect(await whoReads(pool)).toBe('ord')
  })

  test('in a READ ONLY transaction on the primary, too', async () => {
    await session.run(async () => {
      const client = await pool.primary.connect()
      await client.query('begin read only')
      await readOn(client, READ)
      await client.query('rollback')
      await released(client)
    })
    await caughtUp(world, pool)
    expect(await whoReads(session)).toBe('ord')
  })

  test('what it has shown is shown by the reads behind it', async () => {
    await world.pauseReplay('ord')
    await ask(world.url('nrt'), 'select hit()')
    const client = await session.connect()
    const seen = await readOn(client, SHOWN)
    expect((await session.query(SHOWN)).rows).toEqual(seen)
    client.release()
  })

  test('what it shows while it is open is shown by the reads beside it', async () => {
    await world.pauseReplay('ord')
    await ask(world.url('nrt'), 'select hit()')
    const client = await session.connect()
    const cursor = client.query(new Cursor<Record<string, unknown>>(SHOWN))
    const seen = await settled(cursor.read(2), 'the rows')
    expect((await session.query(SHOWN)).rows).toEqual(seen)
    await cursor.close()
    client.release()
  })
})

describe('after a cursor that may have written', () => {
  test.each([
    { what: 'a function that nobody knows', text: 'select hit() as n' },
    { what: 'a view that calls it', text: 'select n from hitting' },
    { what: 'a write', text: 'update hits set n = n + 1 returning n' },
  ])('$what: its session sees that, though the replica does not', async ({ text }) => {
    await world.pauseReplay('ord')
    const client = await session.connect()
    const written = await readOn(client, text)
    const elsewhere = pool.session(session.bookmark())
    expect((await session.query(SHOWN)).rows).toEqual(written)
    expect((await elsewhere.query(SHOWN)).rows).toEqual(written)
    expect((await pool.query(SHOWN)).rows).toEqual(written)
    client.release()
  })
})

describe('after a cursor on pool.replica()', () => {
  /** On a connection that has told its machine, as it does with its first statement. */
  async function reader(): Promise<RoutedClient> {
    const client = await pool.replica().connect()
    await client.query('select 1')
    return client
  }

  test('the session of the process reads from the replica', async () => {
    const client = await reader()
    await readOn(client, READ)
    expect(await whoReads(pool)).toBe('ord')
    client.release()
    expect(await whoReads(pool)).toBe('ord')
  })

  test('a session reads from the replica, while it is open, too', async () => {
    await session.run(async () => {
      const client = await reader()
      const cursor = client.query(new Cursor(READ))
      await settled(cursor.read(1), 'a row')
      expect(await whoReads(session)).toBe('ord')
      await settled(cursor.close(), 'close()')
      expect(await whoReads(session)).toBe('ord')
      client.release()
    })
    expect(await whoReads(session)).toBe('ord')
  })

  test('or one whose text may write: it cannot there', async () => {
    await session.run(async () => {
      const client = await reader()
      await expect(readOn(client, 'select hit()')).rejects.toMatchObject({ cause: { code: '25006' } })
      client.release()
    })
    expect(await whoReads(session)).toBe('ord')
    expect(await whoReads(pool)).toBe('ord')
  })

  test('nothing is asked behind a BEGIN, so that its isolation can still be set', async () => {
    await session.run(async () => {
      const client = await pool.replica().connect()
      client.query(new pg.Query('begin') as never)
      await client.query('set transaction isolation level repeatable read')
      const { rows } = await client.query('show transaction_isolation')
      expect(rows).toEqual([{ transaction_isolation: 'repeatable read' }])
      await client.query('commit')
      client.release()
    })
  })

  test('what it has shown is shown by the reads behind it on another replica, which does not have it', async () => {
    await world.pauseReplay('syd')
    const [written] = await ask(world.url('nrt'), 'select hit() as n')
    const seen = await session.run(async () => {
      const client = await reader()
      await until(async () => (await ask(world.url('ord'), SHOWN))[0]?.n === written?.n, 'ord to have it')
      const rows = await readOn(client, SHOWN)
      await released(client)
      expect((await pool.replica('syd').query(SHOWN)).rows).toEqual(rows)
      return rows
    })
    expect(seen).toEqual([written])
    const next = pool.session(session.bookmark())
    expect((await next.run(() => pool.replica('syd').query(SHOWN))).rows).toEqual([written])
  })
})

describe('after a cursor on a read-only handle that has fallen back to the primary', () => {
  let near: NearestPool
  beforeEach(() => {
    near = createPool(world.poolOptions('nrt'))
  })
  afterEach(() => near.destroy())

  test.each([
    { what: 'one that reads', text: READ },
    { what: 'one whose text may write', text: 'select nothing()' },
  ])('$what: its session knows how far that was', async ({ text }) => {
    const own = near.session()
    await own.run(async () => {
      const client = await near.replica().connect()
      await readOn(client, text)
      expect(await whoReads(client)).toBe('nrt')
      client.release()
    })
    await caughtUp(world, pool)
    expect(await whoReads(pool.session(own.bookmark()))).toBe('ord')
  })

  test('its transaction has ended when it has', async () => {
    const client = await near.replica().connect()
    const rows = readOn(client, 'select now() as began')
    const { rows: behind } = await client.query('select now() as began')
    expect(behind).not.toEqual(await rows)
    client.release()
  })
})

describe('a cursor whose connection is lost', () => {
  const MANY = 'select n::int from generate_series(1, 1000) as n'
  /** On the primary. */
  const LOCKING = 'select id from users for update'
  let client: RoutedClient
  beforeEach(async () => {
    client = await pool.connect()
  })

  async function rowsOf(on: RoutedClient, text: string): Promise<unknown[]> {
    return (await settled(on.query(text), text)).rows
  }

  /** On whichever server it is: on the same machine no two have processes of the same ID. */
  async function endOf(processID: number): Promise<void> {
    const text = `select pg_terminate_backend(pid, 5000) from pg_stat_activity where pid = ${processID}`
    await Promise.all(world.regions.map((region) => ask(world.url(region), text)))
  }

  /** Ends the connection of a client, as an administrator would, and waits until the cursor has heard of it. */
  async function cutOff(on: RoutedClient, text: string): Promise<void> {
    const cursor = on.query(new Cursor<Record<string, unknown>>(text))
    await settled(cursor.read(1), 'the first row')
    const { processID } = on as unknown as { readonly processID: number }
    await endOf(processID)
    expect(await rejectionOf(cursor.read(100), 'the read')).toBeInstanceOf(Error)
    await settled(cursor.close(), 'close()')
  }

  test('outside of a transaction: the client goes on, with whatever comes', async () => {
    await cutOff(client, MANY)
    expect(await rowsOf(client, 'select 42 as answer')).toEqual([{ answer: 42 }])
    await cutOff(client, LOCKING)
    expect(await readOn(client, MANY)).toHaveLength(2)
    await cutOff(client, MANY)
    await client.query('begin')
    expect(await rowsOf(client, 'update hits set n = n returning 1 as one')).toEqual([{ one: 1 }])
    await client.query('commit')
    await released(client)
  })

  test('and what is given behind it, not awaited, runs', async () => {
    const cursor = client.query(new Cursor<Record<string, unknown>>(MANY))
    await settled(cursor.read(1), 'the first row')
    const behind = client.query('select 42 as answer')
    await endOf((client as unknown as { readonly processID: number }).processID)
    expect((await settled(behind, 'the statement behind it')).rows).toEqual([{ answer: 42 }])
    await released(client)
  })

  test('with one database, whose client is of pg', async () => {
    const one = createPool({ primary: world.url('nrt'), max: 1 })
    one.on('error', () => undefined)
    const lent = await one.connect()
    await cutOff(lent, MANY)
    expect(await rowsOf(lent, 'select 42 as answer')).toEqual([{ answer: 42 }])
    lent.release()
    const reader = await one.replica().connect()
    await cutOff(reader, MANY)
    expect(await rowsOf(reader, 'select 42 as answer')).toEqual([{ answer: 42 }])
    reader.release()
    await settled(one.end(), 'end()')
  })

  test('on a read-only handle: the next cursor, too', async () => {
    const reader = await pool.replica().connect()
    await cutOff(reader, MANY)
    await cutOff(reader, MANY)
    expect(await rowsOf(reader, 'select 42 as answer')).toEqual([{ answer: 42 }])
    reader.release()
  })

  test('that was lost between two cursors on a read-only handle', async () => {
    const reader = await pool.replica().connect()
    await reader.query('select 1')
    const { processID } = reader as unknown as { readonly processID: number }
    await ask(world.url('ord'), `select pg_terminate_backend(${processID}, 5000)`)
    expect(await readOn(reader, MANY)).toHaveLength(2)
    reader.release()
  })

  test.each([
    { name: 'a transaction', before: 'begin' },
    { name: "a session's state", before: "set app.who = 'ada'" },
  ])('with $name: nothing runs before the release', async ({ before }) => {
    await client.query(before)
    await cutOff(client, MANY)
    expect(await rejectionOf(client.query('select 1'), 'what follows')).toMatchObject({
      code: 'NEAREST_CONNECTION_LOST',
    })
    await released(client)
  })

  test('after it may have written: what follows sees that', async () => {
    await cutOff(client, 'select hit() from generate_series(1, 100)')
    const [{ n }] = (await ask(world.url('nrt'), 'select n from hits')) as [{ n: number }]
    expect(await rowsOf(client, 'select n from hits')).toEqual([{ n }])
    await released(client)
  })
})
