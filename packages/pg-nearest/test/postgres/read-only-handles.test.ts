import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from, to } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type RoutedClient } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { settled } from './settling.ts'

/** With one database nothing but the library stands between a read-only handle and a write: the primary would take it. */
let world: World
let one: NearestPool
let several: NearestPool
/** Sees what is really there. */
let observer: pg.Client
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 4 })
  await ask(
    world.url('nrt'),
    `create table notes (text text not null);
     create procedure commit_and_note() language plpgsql as
       $$ begin commit; set transaction read write; insert into notes values ('by a procedure'); end $$;
     create procedure rollback_and_note() language plpgsql as
       $$ begin rollback; insert into notes values ('by a procedure'); commit; end $$;
     create function unlock() returns text language sql volatile as
       $$ select set_config('transaction_read_only', 'off', true) $$;
     create function unlock_and_note() returns void language plpgsql volatile as
       $$ begin perform set_config('transaction_read_only', 'off', true); insert into notes values ('by a function'); end $$`,
  )
  await caughtUp(world)
  one = createPool({ primary: world.url('nrt'), max: 3 })
  several = createPool({ ...world.poolOptions('ord'), max: 3 })
  await several.refresh()
  observer = new pg.Client({ connectionString: world.url('nrt') })
  await observer.connect()
})
afterAll(async () => {
  await one?.destroy()
  await several?.destroy()
  await observer?.end()
  await world?.stop()
})

const INSERT = "insert into notes values ('by a read-only handle')"
/** Each is a way out of a read-only transaction: one text, or several one after the other on one client. */
const WAYS: readonly (readonly [string, ...string[]])[] = [
  [INSERT],
  [`commit; ${INSERT}`],
  [`rollback; ${INSERT}`],
  [`end; ${INSERT}`],
  [`abort; ${INSERT}`],
  [`commit; begin; ${INSERT}; commit`],
  [`begin; commit; ${INSERT}`],
  [`commit and chain; ${INSERT}; commit`],
  [`commit and chain; set transaction read write; ${INSERT}; commit`],
  [`rollback and chain; set transaction read write; ${INSERT}; commit`],
  [`start transaction read write; ${INSERT}; commit`],
  [`set transaction read write; ${INSERT}`],
  [`set local transaction_read_only = off; ${INSERT}`],
  [`set transaction_read_only to off; ${INSERT}`],
  [`reset transaction_read_only; ${INSERT}`],
  [`set transaction_read_only to default; ${INSERT}`],
  [`select set_config('transaction_read_only', null, false); ${INSERT}`],
  [`set session characteristics as transaction read write; ${INSERT}`],
  [`set default_transaction_read_only = off; commit; ${INSERT}`],
  [`select set_config('transaction_read_only', 'off', false); ${INSERT}`],
  [`with off as (select set_config('transaction_read_only', 'off', true)) select * from off; ${INSERT}`],
  [`select unlock(); ${INSERT}`],
  ['select unlock_and_note()'],
  [`savepoint a; set transaction read write; ${INSERT}; release a`],
  [`savepoint a; rollback to a; commit; ${INSERT}`],
  [`savepoint a; select 1/0; rollback to a; set transaction read write; ${INSERT}`],
  [`do $$ begin commit; ${INSERT}; commit; end $$`],
  [`do $$ begin set transaction read write; ${INSERT}; end $$`],
  ['call commit_and_note()'],
  ['call rollback_and_note()'],
  [`/* read only */ commit /**/; ${INSERT}`],
  [`-- select 1\ncommit; ${INSERT}`],
  [`/* a /* nested */ comment */ COMMIT; ${INSERT}`],
  [`select $x$;$x$; commit; ${INSERT}`],
  [`select 'a''; commit; '; commit; ${INSERT}`],
  [`select e'\\'; select '; commit; ${INSERT}`],
  [`select "oid;" from (select 1 as "oid;") as t; commit work; ${INSERT}`],
  [`;;commit;; ${INSERT}`],
  [`prepare way as ${INSERT}; commit; execute way`],
  [`prepare transaction 'a'; ${INSERT}`],
  ['set transaction read write', INSERT],
  ['set local transaction_read_only = off', INSERT],
  ['set session characteristics as transaction read write', INSERT],
  ['set default_transaction_read_only = off', INSERT],
  ["select set_config('transaction_read_only', 'off', false)", INSERT],
  ['reset transaction_read_only', INSERT],
  ['begin', 'select 1', 'reset transaction_read_only', INSERT, 'commit'],
  ['begin', 'savepoint a', 'set local transaction_read_only to default', 'release a', INSERT, 'commit'],
  ["select set_config('transaction_read_only', null, true)", INSERT],
  ["select set_config('default_transaction_read_only', 'off', false)", INSERT],
  ['commit', INSERT],
  ['rollback', INSERT],
  ['begin', 'set transaction read write', INSERT, 'commit'],
  ['begin read write', INSERT, 'commit'],
  ['start transaction isolation level serializable, read write', INSERT, 'commit'],
  ['begin', 'commit and chain', 'set transaction read write', INSERT, 'commit'],
  // A failed transaction has lost its READ ONLY, and its chained one has none.
  ['begin', 'select 1/0', 'commit and chain', INSERT, 'commit'],
  ['begin', 'select 1/0', 'rollback and chain', INSERT, 'commit'],
  ['begin read only', 'select 1/0', 'abort transaction and chain', INSERT, 'commit'],
  ['select 1/0', 'commit and chain', INSERT, 'commit'],
  ['begin read only, read write', INSERT, 'commit'],
  ['commit', 'begin read only, read write', INSERT, 'commit'],
  ['rollback', 'begin read only read write isolation level serializable', INSERT, 'commit'],
  ['commit', 'begin isolation level serializable, read only', 'set transaction read write', INSERT, 'commit'],
  [
    'commit',
    'begin isolation level serializable, read only',
    'set transaction isolation level repeatable read',
    'set transaction read write',
    INSERT,
    'commit',
  ],
  [
    'commit',
    'begin read only',
    'set transaction isolation level repeatable read',
    'set transaction read write',
    INSERT,
    'commit',
  ],
  ['begin', 'select 1', 'savepoint a', 'set local transaction_read_only = off', INSERT, 'release a', 'commit'],
  [`prepare way as ${INSERT}`, 'execute way'],
]

type Runs = (text: string) => Promise<unknown>

/** Runs them all; what rejects is as good as what does nothing. */
async function attempt(texts: readonly string[], run: Runs): Promise<void> {
  for (const text of texts)
    await settled(
      run(text).catch(() => undefined),
      text,
    )
}

/** Gives them all before the first is answered. */
async function attemptAtOnce(texts: readonly string[], run: Runs): Promise<void> {
  const all = texts.map((text) => run(text).catch(() => undefined))
  await settled(Promise.all(all), texts.join(' | '))
}

type Attempts = (texts: readonly string[], run: Runs) => Promise<void>

async function onClient(client: RoutedClient, texts: readonly string[], attempts: Attempts = attempt): Promise<void> {
  try {
    await attempts(texts, (text) => client.query(text))
  } finally {
    client.release()
  }
}

async function inTransaction(pool: NearestPool, texts: readonly string[], attempts: Attempts): Promise<void> {
  const work = pool.transaction({ readOnly: true }, (tx) => attempts(texts, (text) => tx.query(text)))
  await settled(
    work.catch(() => undefined),
    'the transaction',
  )
}

const HANDLES: readonly { name: string; use: (pool: NearestPool, texts: readonly string[]) => Promise<void> }[] = [
  { name: 'pool.replica().query', use: (pool, texts) => attempt(texts, (text) => pool.replica().query(text)) },
  {
    name: 'pool.replica().query with a name',
    use: (pool, texts) => attempt(texts, (text) => pool.replica().query({ name: `way ${text.length}`, text })),
  },
  { name: 'pool.replica().connect', use: async (pool, texts) => onClient(await pool.replica().connect(), texts) },
  {
    name: 'pool.replica().connect, not awaited',
    use: async (pool, texts) => onClient(await pool.replica().connect(), texts, attemptAtOnce),
  },
  {
    name: 'pool.replica().connect, with AND CHAIN by name alone',
    use: async (pool, texts) => {
      const client = await pool.replica().connect()
      const isNamed = (text: string): boolean => /^\S+(?: \S+)* and chain$/.test(text)
      await attempt(['begin', ...texts.filter(isNamed), 'rollback'], (text) =>
        client.query(isNamed(text) ? { name: text, text } : text),
      )
      // A name alone says nothing about its statement.
      await attempt(texts, (text) => client.query(isNamed(text) ? ({ name: text } as pg.QueryConfig) : text))
      client.release()
    },
  },
  { name: 'pool.transaction({ readOnly: true })', use: (pool, texts) => inTransaction(pool, texts, attempt) },
  {
    name: 'pool.transaction({ readOnly: true }), not awaited',
    use: (pool, texts) => inTransaction(pool, texts, attemptAtOnce),
  },
]

/** Those by which something was written. */
async function waysThatWrote(use: (texts: readonly string[]) => Promise<void>): Promise<string[]> {
  const wrote: string[] = []
  for (const texts of WAYS) {
    await use(texts)
    if ((await observer.query('delete from notes')).rowCount !== 0) wrote.push(texts.join(' | '))
  }
  return wrote
}

describe.each(HANDLES)('$name', ({ use }) => {
  test('with one database: there is no way to write', { timeout: 90_000 }, async () => {
    expect(await waysThatWrote((texts) => use(one, texts))).toEqual([])
  })

  test('leaves nothing behind for whoever has the connection next', async () => {
    for (const texts of WAYS.filter((way) => way.length > 1 || /default|characteristics|prepare/.test(way[0])))
      await use(one, texts)
    const show = 'show transaction_read_only'
    expect((await settled(one.query(show), 'the next read')).rows).toEqual([{ transaction_read_only: 'off' }])
    expect((await settled(one.replica().query(show), 'the next read-only one')).rows).toEqual([
      { transaction_read_only: 'on' },
    ])
    await observer.query('delete from notes')
    expect((await settled(one.query(INSERT), 'the next write')).rowCount).toBe(1)
    await observer.query('delete from notes')
  })
})

describe('what speaks the protocol by itself, on pool.replica().connect() with one database', () => {
  const RETURNING = `${INSERT} returning text`
  const STREAMS: readonly { name: string; use: (client: RoutedClient) => Promise<unknown> }[] = [
    { name: 'a cursor', use: (client) => client.query(new Cursor(RETURNING)).read(10) },
    { name: 'a query stream', use: (client) => client.query(new QueryStream(RETURNING)).toArray() },
    {
      name: 'COPY FROM',
      use: (client) => pipeline(Readable.from(['copied\n']), client.query(from('copy notes from stdin'))),
    },
  ]
  const BEFORE = [
    [],
    ['begin'],
    ['set transaction read write'],
    ['begin', 'set transaction read write'],
    ['begin', 'reset transaction_read_only'],
  ]

  test.each(STREAMS)('$name writes nothing', async ({ use }) => {
    const written: Record<string, number> = {}
    for (const before of BEFORE) {
      const client = await one.replica().connect()
      await attempt(before, (text) => client.query(text))
      await settled(
        use(client).catch(() => undefined),
        'it',
      )
      await attempt(['commit'], (text) => client.query(text))
      client.release()
      written[['connect', ...before].join('; ')] = (await observer.query('delete from notes')).rowCount ?? 0
    }
    expect(Object.entries(written).filter(([, rows]) => rows > 0)).toEqual([])
  })

  test.each<{ name: string; use: (client: RoutedClient) => Promise<unknown> }>([
    { name: 'a cursor', use: (client) => client.query(new Cursor('values (1)')).read(10) },
    { name: 'a query stream', use: (client) => client.query(new QueryStream('values (1)')).toArray() },
    { name: 'COPY TO', use: (client) => client.query(to('copy (values (1)) to stdout')).toArray() },
    { name: 'a cursor that fails', use: (client) => client.query(new Cursor('select 1 / 0')).read(10) },
  ])('$name that reads, and behind it, not awaited, a write: nothing is written', async ({ use }) => {
    const client = await one.replica().connect()
    const read = use(client).catch(() => undefined)
    const behind = [INSERT, `${INSERT}; select 1`, 'begin', INSERT, 'commit'].map((text) => client.query(text))
    const outcomes = await settled(Promise.allSettled(behind), 'what is behind it')
    await settled(read, 'it')
    client.release()
    expect((await observer.query('delete from notes')).rowCount).toBe(0)
    expect(outcomes[0]).toMatchObject({ status: 'rejected', reason: { code: 'NEAREST_READ_ONLY_HANDLE' } })
  })

  test('a cursor and COPY TO still read', async () => {
    const client = await one.replica().connect()
    expect(await settled(client.query(new Cursor('values (1), (2)')).read(10), 'the cursor')).toHaveLength(2)
    client.release()
    const another = await one.replica().connect()
    const copied = await settled(another.query(to('copy (values (1)) to stdout')).toArray(), 'COPY TO')
    expect(Buffer.concat(copied as Buffer[]).toString()).toBe('1\n')
    another.release()
  })
})

describe.each([
  { name: 'with one database', pool: () => one },
  { name: 'with replicas', pool: () => several },
])('reading goes on working $name', ({ pool }) => {
  const READS: readonly (readonly [string, unknown])[] = [
    ['select 1 as n', [{ n: 1 }]],
    ["select ';commit' as text", [{ text: ';commit' }]],
    ['select $$commit;$$ as text', [{ text: 'commit;' }]],
    ['show transaction_read_only', [{ transaction_read_only: 'on' }]],
    ["select current_setting('transaction_read_only') as value", [{ value: 'on' }]],
    ['with a as (select 1 as n) select n from a', [{ n: 1 }]],
    ['values (1)', [{ column1: 1 }]],
    ['', []],
    ['select 1 as n;', [{ n: 1 }]],
    ['/* commit; */ select 1 as n', [{ n: 1 }]],
  ]

  test.each(READS)('%s', async (text, rows) => {
    expect((await settled(pool().replica().query(text), text)).rows).toEqual(rows)
    const client = await pool().replica().connect()
    expect((await settled(client.query(text), text)).rows).toEqual(rows)
    client.release()
    const inside = pool().transaction({ readOnly: true }, (tx) => tx.query(text))
    expect((await settled(inside, text)).rows).toEqual(rows)
  })

  test('several statements in one text', async () => {
    const text = 'select 1 as n; select 2 as n'
    for (const run of [
      () => pool().replica().query(text),
      () => pool().transaction({ readOnly: true }, (tx) => tx.query(text)),
    ]) {
      const results = (await settled(run(), text)) as unknown as { rows: unknown }[]
      expect(results.map(({ rows }) => rows)).toEqual([[{ n: 1 }], [{ n: 2 }]])
    }
  })

  test('EXPLAIN, isolation levels, savepoints and parameters', async () => {
    const replica = pool().replica()
    expect((await settled(replica.query('explain select * from notes'), 'explain')).rows.length).toBeGreaterThan(0)
    const client = await replica.connect()
    const run = (text: string) => settled(client.query(text), text)
    await run('begin isolation level repeatable read')
    expect((await run('show transaction_isolation')).rows).toEqual([{ transaction_isolation: 'repeatable read' }])
    await run('savepoint a')
    await expect(run('select 1/0')).rejects.toMatchObject({ code: '22012' })
    await run('rollback to a')
    expect((await run('select 2 as n')).rows).toEqual([{ n: 2 }])
    await run('commit')
    client.release()
    const named = { name: 'plus one', text: 'select $1::int + 1 as n', values: [1] }
    expect((await settled(replica.query(named), 'a prepared read')).rows).toEqual([{ n: 2 }])
  })

  test('SHOW in a transaction with one snapshot', async () => {
    const work = pool().transaction({ readOnly: true, isolationLevel: 'repeatable read' }, async (tx) => {
      return (await tx.query('show transaction_isolation')).rows
    })
    expect(await settled(work, 'the transaction')).toEqual([{ transaction_isolation: 'repeatable read' }])
  })

  test.each([
    'set transaction isolation level repeatable read',
    'set transaction read only',
    "set local statement_timeout = '5s'",
    "select set_config('statement_timeout', '5s', true)",
  ])('a setting of the transaction itself: %s', async (text) => {
    const client = await pool().replica().connect()
    try {
      await client.query('begin')
      await settled(client.query(text), text)
      expect((await settled(client.query('select 1 as n'), 'the next read')).rows).toEqual([{ n: 1 }])
      await client.query('commit')
    } finally {
      client.release()
    }
  })
})
