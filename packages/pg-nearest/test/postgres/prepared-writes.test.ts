import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { ask } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await ask(
    world.url('nrt'),
    `create table discarding (id int);
     create function discard_names() returns trigger language plpgsql as $$ begin execute 'deallocate all'; return new; end $$;
     create trigger discarding before insert on discarding for each row execute function discard_names()`,
  )
})
afterAll(() => world.stop())
beforeEach(() =>
  ask(world.url('nrt'), 'drop table if exists notes; create table notes (id serial primary key, text text)'),
)

const pools = new TestPools()
afterEach(() => pools.destroyAll())

const INSERT = 'insert into notes (text) values ($1)'
const RETURNING = 'insert into notes (text) values ($1) returning *'
const POSITION = '%pg_current_wal_insert_lsn%'
/** With `max: 1` it runs on the connection that has them. */
const NAMES = `select count(*)::int as n from pg_prepared_statements where name like 'pg_nearest_%' and statement like $1`

function start(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  return pools.start({ ...world.poolOptions('nrt'), max: 1, ...options })
}

async function namesOf(pool: NearestPool, statement: string): Promise<number | undefined> {
  const { rows } = await pool.primary.query<{ n: number }>(NAMES, [statement])
  return rows[0]?.n
}

async function insert(pool: NearestPool, times: number, text = INSERT): Promise<void> {
  for (let i = 0; i < times; i++) await pool.query(text, [`note ${i}`])
}

async function count(pool: NearestPool): Promise<number | undefined> {
  const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from notes')
  return rows[0]?.n
}

test.each<[prepare: false | number | undefined, names: number[]]>([
  [undefined, [0, 1, 1, 1]],
  [1, [1, 1, 1, 1]],
  [3, [0, 0, 1, 1]],
  [false, [0, 0, 0, 0]],
])('with `prepare: %s` a write has a name from that use on', async (prepare, names) => {
  const pool = await start({ prepare })
  // By its first statement a connection tells that no pooler is in between.
  await pool.query('delete from notes')
  const after: unknown[] = []
  for (let i = 0; i < names.length; i++) {
    await insert(pool, 1)
    after.push(await namesOf(pool, INSERT))
  }
  expect(after).toEqual(names)
  expect(await count(pool)).toBe(names.length)
})

test('with one database, too: its connection is asked with the second use whether a pooler is in between', async () => {
  const pool = await pools.start({ primary: world.url('nrt'), max: 1 })
  const after: unknown[] = []
  for (let i = 0; i < 4; i++) {
    await insert(pool, 1)
    after.push(await namesOf(pool, INSERT))
  }
  expect(after).toEqual([0, 0, 1, 1])
})

test.each<[what: string, options: object]>([
  ['types, as by Drizzle', { name: undefined, types: pg.types }],
  ['arrays', { rowMode: 'array' }],
  ['a route and a limit', { timeoutMs: 5_000, consistency: 'session', route: 'primary' }],
  ['a signal', { signal: new AbortController().signal }],
])('so it has if its call asks for %s', async (_, options) => {
  const pool = await start()
  for (let i = 0; i < 3; i++) await pool.query({ text: INSERT, ...options }, [`note ${i}`])
  expect(await namesOf(pool, INSERT)).toBe(1)
})

test('so has the question behind it, and what was written is seen', async () => {
  const pool = await start(world.poolOptions('ord'))
  for (let i = 1; i <= 10; i++) {
    await insert(pool, 1)
    expect(await count(pool)).toBe(i)
  }
  expect(await namesOf(pool, POSITION)).toBe(1)
})

test('a table that changes: each write runs once, on every connection', async () => {
  const pool = await start({ max: 5 })
  const all = (times: number) =>
    Promise.all(Array.from({ length: times }, (_, i) => pool.query<{ kind?: number }>(RETURNING, [`note ${i}`])))
  for (let i = 0; i < 4; i++) await all(20)
  await ask(world.url('nrt'), 'alter table notes add column kind int default 7')
  const results = await all(20)
  expect(new Set(results.flatMap(({ rows }) => rows.map(({ kind }) => kind)))).toEqual(new Set([7]))
  await pool.query('delete from notes where id < 0')
  expect(await count(pool)).toBe(100)
  const errors = await Promise.allSettled(Array.from({ length: 20 }, () => pool.query('insert into notes values (1)')))
  expect(errors.filter(({ status }) => status === 'fulfilled')).toEqual([])
})

test('a column whose type was changed elsewhere gets values of that type within two seconds', async () => {
  const pool = await start()
  await ask(world.url('nrt'), 'drop table if exists days; create table days (at date)')
  const text = "insert into days values ($1) returning extract(hour from at at time zone 'utc')::int as hour"
  const hour = async () => (await pool.query<{ hour: number }>(text, ['2026-01-01T10:00:00Z'])).rows[0]?.hour
  for (let i = 0; i < 3; i++) await hour()
  expect(await namesOf(pool, '%into days%')).toBe(1)
  await ask(world.url('nrt'), 'alter table days alter column at type timestamptz')
  await sleep(2_000)
  expect(await hour()).toBe(10)
})

const MOODS = `
  drop table if exists people; drop type if exists mood; create type mood as enum ('glad', 'sad');
  create table people (mood mood)`
const NEW_MOODS = `
  create type moods as enum ('glad', 'calm'); alter table people alter mood type moods using mood::text::moods;
  drop type mood; alter type moods rename to mood`
const NUMBERS = 'drop table if exists people; create table people (mood int)'

test.each([
  ['another enum', MOODS, 'glad', NEW_MOODS, 'calm'],
  ['a text', NUMBERS, '1', 'alter table people alter mood type text', 'calm'],
  ['a larger number', NUMBERS, '1', 'alter table people alter mood type bigint', '5000000000'],
  ['something else', NUMBERS, '1', 'alter table people alter mood type uuid using null', randomUUID()],
])('a column that has become %s takes its values at once', async (_, before, value, migration, later) => {
  const pool = await start()
  await ask(world.url('nrt'), before)
  const text = 'insert into people (mood) values ($1) returning mood'
  for (let i = 0; i < 3; i++) await pool.query(text, [value])
  expect(await namesOf(pool, text)).toBe(1)
  await ask(world.url('nrt'), migration)
  for (let i = 0; i < 3; i++) expect((await pool.query(text, [later])).rows).toEqual([{ mood: later }])
})

test('a string means what the settings of its connection say', async () => {
  const pool = await start()
  await ask(
    world.url('nrt'),
    `drop table if exists times; create table times (id int, at timestamptz);
     drop schema if exists days cascade; create schema days; create table days.times (id int, at date)`,
  )
  const text = "insert into times values ($1, '01-02-2026 03:00') returning extract(epoch from at)::int as at"
  const at = async () => (await pool.query<{ at: number }>(text, [1])).rows[0]?.at
  const written = async (setting: string, value: string) => {
    await pool.query('select set_config($1, $2, false)', [setting, value])
    return at()
  }
  const midnight = Date.UTC(2026, 0, 2) / 1_000
  const hours = (n: number) => midnight + n * 3_600
  expect(await written('timezone', 'UTC')).toBe(hours(3))
  for (let i = 0; i < 3; i++) await at()
  expect(await namesOf(pool, '%into times%')).toBe(1)
  expect(await written('timezone', 'Asia/Tokyo')).toBe(hours(3 - 9))
  expect(await written('timezone', 'UTC')).toBe(hours(3))
  expect(await written('datestyle', 'ISO, DMY')).toBe(hours(3 + 30 * 24))
  expect(await written('datestyle', 'ISO, MDY')).toBe(hours(3))
  expect(await written('search_path', 'days')).toBe(midnight)
})

test('a parameter is of the type that its column has in the schema of now', async () => {
  const pool = await start()
  await ask(
    world.url('nrt'),
    `drop schema if exists one cascade; create schema one; create table one.visits (at date);
     drop schema if exists two cascade; create schema two; create table two.visits (at timestamp)`,
  )
  const text = 'insert into visits values ($1) returning at::text'
  const at = async () => (await pool.query<{ at: string }>(text, ['2026-01-02 03:00:00'])).rows[0]?.at
  await pool.query('set search_path to one')
  for (let i = 0; i < 3; i++) await at()
  expect(await namesOf(pool, '%into visits%')).toBe(1)
  await pool.query('set search_path to two')
  expect(await at()).toBe('2026-01-02 03:00:00')
  await pool.query("set schema 'one'")
  expect(await at()).toBe('2026-01-02')
})

test('without values each use gives what the first one gives: by the simple protocol', async () => {
  // pg's types leave it out.
  const BINARY: object = { binary: true }
  const pool = await start({ ...BINARY, prepare: 1 })
  await ask(
    world.url('nrt'),
    `drop table if exists ruled; create table ruled (id int); create rule also as on insert to ruled do also select 42 as told;
     drop table if exists kinds; create table kinds (json jsonb, n numeric)`,
  )
  for (let i = 0; i < 3; i++) {
    const { rows } = await pool.query(`insert into kinds values ('{"a":1}', 1.50) returning *`)
    expect(rows).toEqual([{ json: { a: 1 }, n: '1.50' }])
    expect((await pool.query('insert into ruled values (1)')).rows).toEqual([{ told: 42 }])
  }
})

test('names that somebody discards: each write runs once, and there are none on that connection any more', async () => {
  const pool = await start()
  await insert(pool, 4)
  expect(await namesOf(pool, INSERT)).toBe(1)
  await pool.query('insert into discarding values (1)')
  await insert(pool, 4)
  expect(await count(pool)).toBe(8)
  expect(await namesOf(pool, INSERT)).toBe(0)
  await insert(pool, 2)
  expect(await count(pool)).toBe(10)
})

test('names that are discarded by a text of the client’s own are made again', async () => {
  const pool = await start()
  await insert(pool, 3)
  await pool.query('discard all')
  await insert(pool, 3)
  expect(await count(pool)).toBe(6)
  expect(await namesOf(pool, INSERT)).toBe(1)
})

test('a write that fails, or cannot be sent, leaves its name in order', async () => {
  const pool = await start()
  const keyed = 'insert into notes (id, text) values ($1, $2)'
  for (let i = 1; i <= 3; i++) await pool.query(keyed, [i, 'x'])
  const unsendable = {
    toPostgres(): never {
      throw new Error('It has no value')
    },
  }
  for (let i = 0; i < 2; i++) {
    await expect(pool.query(keyed, [1, 'x'])).rejects.toMatchObject({ code: '23505' })
    await expect(pool.query(keyed, [4, unsendable])).rejects.toThrow('It has no value')
    await expect(pool.query(keyed, ['four', 'x'])).rejects.toMatchObject({ code: '22P02' })
    await expect(pool.query(keyed, [4])).rejects.toMatchObject({ code: '08P01' })
  }
  await pool.query(keyed, [4, 'x'])
  await pool.query(keyed, [5, 'x'])
  expect(await count(pool)).toBe(5)
  expect(await namesOf(pool, keyed)).toBe(1)
})

test.each<[by: string, (pool: NearestPool, text: string) => Promise<unknown>]>([
  ['the pool', (pool, text) => pool.query(text)],
  ['the first of a transaction', (pool, text) => pool.transaction((tx) => tx.query(text))],
  ['a later one', (pool, text) => pool.transaction((tx) => tx.query('select 1').then(() => tx.query(text)))],
  ['its last one', (pool, text) => pool.transaction((tx) => tx.commitWith(text))],
  ['a batch', (pool, text) => pool.batch([{ text }])],
  ["pg's own Query", (pool, text) => pool.query(new pg.Query(text) as never)],
  ['a client', (pool, text) => pool.connect().then((client) => client.query(text).finally(() => client.release()))],
])('a table that comes ahead of the one that a name means, made by %s', async (_, run) => {
  const pool = await start()
  const here = async () => (await pool.primary.query<{ n: number }>('select count(*)::int as n from notes')).rows[0]?.n
  // Temporary tables are there from now on, so that PostgreSQL does not look again by itself.
  await pool.query('create temp table other (id int)')
  await insert(pool, 3)
  await run(pool, 'create temp table notes (id serial, text text)')
  await insert(pool, 2)
  expect(await here()).toBe(2)
  await run(pool, 'drop table notes')
  expect(await here()).toBe(3)
})

test('what has neither text nor name is told as pg tells it, and costs no connection', async () => {
  const pool = await start()
  await insert(pool, 3)
  for (let i = 0; i < 3; i++) await expect(pool.query({ values: [1] } as never)).rejects.toThrow(/text or a name/)
  expect(await count(pool)).toBe(3)
})

test('of more texts than a connection keeps, the one that was not used for longest is closed', async () => {
  const pool = await start({ prepare: 1 })
  for (let i = 0; i < 270; i++) await pool.query(`update notes set text = $1 where id = ${i}`, ['x'])
  expect(await namesOf(pool, '%update notes%')).toBeLessThanOrEqual(256)
  expect(await namesOf(pool, '%where id = 0')).toBe(0)
  expect(await namesOf(pool, '%where id = 269')).toBe(1)
})

/** As a tracer that adds a comment to each text. */
function comment(this: pg.Client, query: string | pg.QueryConfig, ...rest: never[]): unknown {
  const commented = typeof query === 'string' ? query : { ...query, text: `${query.text} /* traced */` }
  return Reflect.apply(OWN_QUERY, this, [commented, ...rest])
}
const OWN_QUERY = pg.Client.prototype.query
afterEach(() => {
  pg.Client.prototype.query = OWN_QUERY
})

test.each([
  ['execute nope', false],
  ['execute nope', true],
  ['prepare twice as select 1', false],
])(
  'a function that is refused a name of its own has run once: %s, in a text with a comment: %s',
  async (refused, isTraced) => {
    if (isTraced) pg.Client.prototype.query = comment as typeof OWN_QUERY
    await ask(
      world.url('nrt'),
      `drop table if exists nested; create table nested (id int); drop sequence if exists runs; create sequence runs;
       create or replace function refuse() returns trigger language plpgsql as $$ begin
         if new.id = 1 then perform nextval('runs'); execute 'prepare twice as select 1'; execute '${refused}'; end if;
         return new; end $$;
       create trigger refusing before insert on nested for each row execute function refuse()`,
    )
    const pool = await start({ prepare: 1 })
    const text = 'insert into nested values ($1)'
    for (let i = 0; i < 3; i++) await pool.query(text, [0])
    await expect(pool.query(text, [1])).rejects.toHaveProperty('code', refused === 'execute nope' ? '26000' : '42P05')
    expect(await ask(world.url('nrt'), 'select last_value::int as n from runs')).toEqual([{ n: 1 }])
  },
)
