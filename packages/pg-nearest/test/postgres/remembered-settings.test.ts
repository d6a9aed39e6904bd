import { once, type EventEmitter } from 'node:events'
import pg from 'pg'
import { to } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type RoutedClient } from '../../src/index.ts'
import { connectionsOf } from './connection-counts.ts'
import { administer, ask, caughtUp, until } from './fixtures.ts'

/** What a borrowed client sets for itself goes with it, and stays with nobody else. */
const APPLICATION = 'remembered'
/** Outside of PostgreSQL's own functions, so that it runs wherever a read does. */
const SETTING_OF = `create function setting_of(name text) returns text stable language sql as 'select current_setting(name)'`

let world: World
let pool: NearestPool
let client: RoutedClient
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 20 })
  await administer(world, 'nrt', 'create schema private authorization app')
  await ask(world.url('nrt'), `${SETTING_OF}; create table notes (text text); create table private.notes (text text)`)
})
afterAll(() => world.stop())
beforeEach(async () => {
  pool = createPool({
    ...world.poolOptions('ord'),
    application_name: APPLICATION,
    onConnect: async (each) => void (await each.query("set work_mem = '7MB'")),
  })
  await caughtUp(world, pool)
  client = await pool.connect()
})
afterEach(() => pool.destroy())

async function setting(name: string, of: Pick<RoutedClient, 'query'> = client): Promise<string> {
  const { rows, servedBy } = await of.query<{ value: string }>('select public.setting_of($1) as value', [name])
  return `${rows[0]?.value} on ${servedBy.server}`
}

/** Of the backend that it has now. */
function pidOf(each: RoutedClient): number | null {
  return (each as unknown as { readonly processID: number | null }).processID
}

/** What everybody finds who comes later, on each connection that there is. */
async function left(...names: string[]): Promise<string[]> {
  // The server logs something by itself at times, behind which a replica must prove itself again.
  await caughtUp(world, pool)
  const all = names.flatMap((name) => [setting(name, pool), setting(name, pool.primary)])
  return [...new Set(await Promise.all(all))].toSorted()
}

test('a client whose tables are made in its temporary schema stays where they are', async () => {
  await client.query('set search_path = pg_temp, public')
  await client.query('create table scratch (a int)')
  await client.query('insert into scratch values (1)')
  const pid = pidOf(client)
  await caughtUp(world, pool)
  for (let i = 0; i < 3; i++) expect((await client.query('select a from scratch')).rows).toEqual([{ a: 1 }])
  await client.query('reset all')
  expect((await client.query('select a from pg_temp.scratch')).rows).toEqual([{ a: 1 }])
  expect(pidOf(client)).toBe(pid)
  client.release()
})

test('what it has generated is not asked of another connection', async () => {
  await client.query(`create table numbered (id int generated always as identity, a text)`)
  await client.query(`insert into numbered (a) values ('its')`)
  expect((await client.query('select lastval()::int as id')).rows).toEqual([{ id: 1 }])
  client.release()
  client = await pool.connect()
  await client.query(`insert into numbered (a) values ('its')`)
  await caughtUp(world, pool)
  const { servedBy } = await client.query('select 1')
  expect(servedBy.server).toBe('ord')
  await pool.query(`insert into numbered (a) values ('another one''s')`)
  await expect(client.query('select lastval()')).rejects.toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
  client.release()
})

test.each([
  ["set work_mem = '5MB'", 'work_mem', '5MB'],
  ['SET SESSION jit TO off', 'jit', 'off'],
  ["set time zone 'Asia/Tokyo'", 'timezone', 'Asia/Tokyo'],
  ['set "Search_Path" to private', 'search_path', 'private'],
  ["set schema 'private'", 'search_path', 'private'],
  ['set statement_timeout = 5000;', 'statement_timeout', '5s'],
  ['set application_name to mine', 'application_name', 'mine'],
  ['reset work_mem', 'work_mem', '4MB'],
])('%s: it reads next door, and so it does on the primary', async (text, name, value) => {
  expect((await client.query(text)).servedBy).toMatchObject({ server: 'ord', reason: 'own-region' })
  expect(await setting(name)).toBe(`${value} on ord`)
  await client.query('insert into public.notes values ($1)', ['written'])
  expect(await setting(name), 'behind the write').toBe(`${value} on nrt`)
  await caughtUp(world, pool)
  expect(await setting(name), 'caught up').toBe(`${value} on ord`)
  await client.query('begin read only')
  expect(await setting(name)).toBe(`${value} on ord`)
  await client.query('commit')
  await client.query('begin')
  expect(await setting(name)).toBe(`${value} on nrt`)
  await client.query('rollback')
  client.release()
})

test('what is written goes where it was said, in a transaction or not, though nothing is awaited', async () => {
  const texts = [
    'set search_path to private',
    "insert into notes values ('one')",
    'begin',
    "insert into notes values ('two')",
    'commit',
    "set work_mem = '5MB'",
    'select text from notes order by text',
  ]
  const results = await Promise.all(texts.map((text) => client.query<{ text: string }>(text)))
  expect(results.at(-1)?.rows).toEqual([{ text: 'one' }, { text: 'two' }])
  client.release()
  const rows = await ask<{ public: string; private: string }>(
    world.url('nrt'),
    "select (select count(*) from public.notes where text in ('one', 'two')) as public, (select count(*) from private.notes) as private",
  )
  expect(rows).toEqual([{ public: '0', private: '2' }])
})

test('nobody else finds it: a connection is as before when it is lent again, what onConnect has set included', async () => {
  await client.query("set work_mem = '5MB'; set jit = off").catch(() => undefined)
  client.release(true)
  const other = await pool.connect()
  for (const text of ["set work_mem = '5MB'", 'set search_path to private', 'set jit = off', 'reset work_mem'])
    await other.query(text)
  await other.query('select 1')
  await other.query('insert into public.notes values ($1)', ['written'])
  other.release()
  await caughtUp(world, pool)
  expect(await left('work_mem')).toEqual(['7MB on nrt', '7MB on ord'])
  expect(await left('search_path')).toEqual(['"$user", public on nrt', '"$user", public on ord'])
  expect(await left('jit')).toEqual(['on on nrt', 'on on ord'])
})

test('it costs no connection: the same one is lent again', async () => {
  const pids = new Set<number | null>()
  client.release()
  for (let i = 0; i < 5; i++) {
    const each = await pool.connect()
    await each.query('set jit = off')
    pids.add(pidOf(each))
    each.release()
    await until(() => pool.idleCount > 0, 'it to be free again')
  }
  expect(pids.size).toBe(1)
})

describe('what ends it', () => {
  test.each([
    ['reset all', '4MB'],
    ['discard all', '4MB'],
    ['reset work_mem', '4MB'],
  ])('%s', async (text, value) => {
    await client.query("set work_mem = '5MB'")
    await client.query(text)
    await caughtUp(world, pool)
    expect(await setting('work_mem')).toMatch(new RegExp(`^(?:${value}|7MB) on ord$`))
    client.release()
    expect(await left('work_mem')).toEqual(['7MB on nrt', '7MB on ord'])
  })

  test('a value that is none is an error of that statement, and nothing is remembered', async () => {
    await expect(client.query("set work_mem = 'much'")).rejects.toMatchObject({ code: '22023' })
    expect(await setting('work_mem')).toBe('7MB on ord')
    await client.query("set work_mem = '5MB'")
    await expect(client.query("set work_mem = 'much'")).rejects.toMatchObject({ code: '22023' })
    expect(await setting('work_mem')).toBe('5MB on ord')
    client.release()
  })
})

test('where its connection is lost, it is made again on the next', async () => {
  await client.query("set work_mem = '5MB'")
  const pid = pidOf(client)
  await administer(world, 'ord', `select pg_terminate_backend(${pid})`)
  const { rows } = await client.query<{ value: string }>("select public.setting_of('work_mem') as value")
  expect(rows).toEqual([{ value: '5MB' }])
  expect(pidOf(client)).not.toBe(pid)
  client.release()
})

test.each([
  'set role app',
  "set app.tenant = '1'",
  'set default_transaction_read_only = on',
  'set client_encoding = utf8',
  "set work_mem = '5MB'; select 1",
])('%s pins it to the primary, as before', async (text) => {
  await client.query(text)
  expect((await client.query('select 1')).servedBy).toMatchObject({ server: 'nrt', reason: 'pinned' })
  client.release(true)
})

test('what is set in a transaction that goes on pins it, as before', async () => {
  for (const text of ['begin', "set work_mem = '5MB'", 'commit']) await client.query(text)
  expect(await setting('work_mem')).toBe('5MB on nrt')
  client.release(true)
})

test('a transaction that is sent in one go binds it as one that is awaited: what it has set is nowhere else', async () => {
  await Promise.all(['begin', 'select 1', "set work_mem = '5MB'", 'commit'].map((text) => client.query(text)))
  await caughtUp(world, pool)
  expect(await setting('work_mem')).toBe('5MB on nrt')
  client.release(true)
})

test('what is set or reset in a transaction that is rolled back is as before, though nothing was awaited', async () => {
  await client.query('set jit = off')
  const texts = ['begin', 'select 1', 'reset all', "set work_mem = '5MB'", 'select 1 / 0', 'commit']
  await Promise.allSettled(texts.map((text) => client.query(text)))
  await caughtUp(world, pool)
  expect(await setting('jit')).toMatch(/^off on/)
  expect(await setting('work_mem')).toMatch(/^7MB on/)
  client.release()
  expect(await left('jit')).toEqual(['on on nrt', 'on on ord'])
})

test('SET datestyle may change one half of it: what has set the other half counts still', async () => {
  await client.query("set datestyle = 'SQL'")
  await client.query("set datestyle = 'DMY'")
  expect(await setting('datestyle')).toBe('SQL, DMY on ord')
  await client.query('insert into public.notes values ($1)', ['written'])
  expect(await setting('datestyle')).toBe('SQL, DMY on nrt')
  client.release()
})

test('a SET that is cut off while its answer is on the way holds nowhere', async () => {
  await client.query("insert into public.notes values ('written')")
  const signal = AbortSignal.timeout(15)
  await expect(client.query({ text: "set work_mem = '5MB'", signal })).rejects.toMatchObject({ name: 'TimeoutError' })
  expect(await setting('work_mem'), 'behind the write').toMatch(/^7MB on /)
  await caughtUp(world, pool)
  expect(await setting('work_mem')).toBe('7MB on ord')
  client.release()
})

test("functions of the app's that are named as PostgreSQL's do not keep it from being undone", async () => {
  const like = (name: string, parameters: string): string =>
    `create function private.${name}(${parameters}) returns text language sql as $$ select '6MB' $$`
  await ask(world.url('nrt'), like('current_setting', 'text'))
  await ask(world.url('nrt'), like('set_config', 'text, text, boolean'))
  await caughtUp(world, pool)
  await client.query('set search_path to private, pg_catalog')
  await client.query("set work_mem = '5MB'")
  client.release()
  expect(await left('work_mem')).toEqual(['7MB on nrt', '7MB on ord'])
})

test('a cursor reads with it', async () => {
  await client.query('set search_path to private')
  const cursor = client.query(new Cursor<{ value: string }>("select public.setting_of('search_path') as value"))
  expect(await cursor.read(1)).toEqual([{ value: 'private' }])
  await cursor.close()
  client.release()
  for (const found of await left('search_path')) expect(found).toMatch(/^"\$user", public on/)
})

/** The client has set `work_mem` to 5MB on the primary and stays there, though a replica would do; nobody finds it afterwards. */
async function expectPinned(): Promise<void> {
  await caughtUp(world, pool)
  expect(await setting('work_mem'), 'next').toBe('5MB on nrt')
  client.release(true)
  expect(await left('work_mem')).toEqual(['7MB on nrt', '7MB on ord'])
}

test.each([
  "begin; set work_mem = '5MB'; commit",
  "begin; commit; set work_mem = '5MB'",
  "begin; select set_config('work_mem', '5MB', false); insert into public.notes values ('written'); end; select 1",
])('%s pins it, and leaves nothing behind', async (text) => {
  await client.query(text)
  await client.query('insert into public.notes values ($1)', ['written'])
  await expectPinned()
})

test('a setting until the end of its transaction, in one text with it, does not', async () => {
  await client.query("begin; set local work_mem = '5MB'; commit")
  await client.query('insert into public.notes values ($1)', ['written'])
  await caughtUp(world, pool)
  expect(await setting('work_mem')).toBe('7MB on ord')
  client.release()
})

describe('what talks to its connection by itself pins it, and leaves nothing behind, when it sets something', () => {
  const SET = "select set_config('work_mem', '5MB', false)"
  const ways: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["pg's own Query", () => ended(new pg.Query("set work_mem = '5MB'"))],
    ["pg's own Query that calls a function", () => ended(new pg.Query(SET))],
    ['a cursor', () => client.query(new Cursor(SET)).read(9)],
    ['a stream', () => client.query(new QueryStream(SET)).toArray()],
    ['a COPY', () => client.query(to(`copy (${SET}) to stdout`)).toArray()],
  ]

  function ended(query: pg.Query): Promise<unknown> {
    return once(client.query(query) as unknown as EventEmitter, 'end')
  }

  test.each(ways)('%s', async (_way, set) => {
    await set()
    await client.query('insert into public.notes values ($1)', ['written'])
    await expectPinned()
  })

  test.each(ways)('%s in a transaction', async (_way, set) => {
    await client.query('begin')
    await set()
    await client.query('commit')
    await expectPinned()
  })

  test("pg's own Query resets what goes with the client", async () => {
    await client.query("set work_mem = '5MB'")
    await ended(new pg.Query('discard all'))
    await caughtUp(world, pool)
    expect(await setting('work_mem')).toMatch(/^(?:4MB on nrt|7MB on ord)$/)
    client.release(true)
    expect(await left('work_mem')).toEqual(['7MB on nrt', '7MB on ord'])
  })
})

test('what a read-only transaction on a replica has set outlives it there, and leaves nothing behind', async () => {
  const reader = await pool.replica('ord').connect()
  await reader.query('begin read only')
  await reader.query("set app.who = 'reader'")
  await reader.query('show transaction_isolation')
  await reader.query('commit')
  expect((await reader.query('select 1')).servedBy).toMatchObject({ server: 'ord', reason: 'pinned' })
  expect(await setting('app.who', reader)).toBe('reader on ord')
  reader.release(true)
  const looking = [pool.replica('ord'), pool.replica('ord'), pool]
  for (const each of looking) {
    const { rows } = await each.query<{ who: string | null }>("select current_setting('app.who', true) as who")
    expect(rows).toEqual([{ who: null }])
  }
  const looker = await pool.replica('ord').connect()
  await looker.query('begin read only')
  await looker.query('show transaction_isolation')
  await looker.query('commit')
  expect((await looker.query('select 1')).servedBy).toMatchObject({ server: 'ord', reason: 'asked' })
  looker.release()
})

test('a client that is released before it has ended, or with an error, leaves nothing behind, and the pool ends', async () => {
  const [set, read] = [client.query("set work_mem = '5MB'"), client.query('select 1')]
  client.release()
  await Promise.all([set, read])
  const other = await pool.connect()
  const lost = other.query("set work_mem = '6MB'").catch(() => undefined)
  other.release(new Error('enough'))
  await lost
  expect(await left('work_mem')).toEqual(['7MB on nrt', '7MB on ord'])
  const last = await pool.connect()
  await last.query("set work_mem = '5MB'")
  last.release()
  await pool.end()
  await until(async () => (await connectionsOf(world.url('ord'), APPLICATION)) === 0, 'every connection to be closed')
})

test('with one database all is as in pg.Pool', async () => {
  await using alone = createPool({ primary: world.url('nrt'), max: 1 })
  const reference = new pg.Pool({ connectionString: world.url('nrt'), max: 1 })
  const shown = async (of: pg.Pool): Promise<unknown> => {
    const each = await of.connect()
    await each.query("set work_mem = '5MB'")
    each.release()
    return (await of.query('show work_mem')).rows
  }
  try {
    expect(await shown(alone as unknown as pg.Pool)).toEqual(await shown(reference))
  } finally {
    await reference.end()
  }
})
