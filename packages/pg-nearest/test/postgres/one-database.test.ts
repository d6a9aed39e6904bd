import type pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { ask, until, withUsers } from './fixtures.ts'
import { running } from './settling.ts'

/** Nothing configured, nothing changed: the same expectations with one database and with replicas. */
let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 30 })
  await withUsers(world)
})
afterAll(() => world.stop())

const setups: { name: string; make: () => NearestPool }[] = [
  { name: 'one plain database and no region', make: () => createPool({ primary: world.url('nrt') }) },
  { name: 'a world, from its replica’s region', make: () => createPool(world.poolOptions('ord')) },
  { name: 'a world, from its primary’s region', make: () => createPool(world.poolOptions('nrt')) },
]

describe.each(setups)('$name', ({ make }) => {
  test('reads and writes', async () => {
    await using pool = make()
    const inserted = await pool.query('insert into users (name, age) values ($1, $2) returning name', ['Alan', 41])
    expect(inserted.rows).toEqual([{ name: 'Alan' }])
    expect(inserted.servedBy.role).toBe('primary')
    const { rowCount } = await pool.query("delete from users where name = 'Alan'")
    expect(rowCount).toBe(1)
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('a transaction that pool.query() leaves open is rolled back, and the process is warned of it, once', async () => {
    await using pool = make()
    const warnings: unknown[] = []
    const heard = (warning: Error): void => {
      if ('code' in warning && warning.code === 'NEAREST_OPEN_TRANSACTION') warnings.push(warning)
    }
    process.on('warning', heard)
    await pool.query('begin; select 1; commit')
    for (const text of ["insert into users (name) values ('Nobody'); begin", 'select 1; begin read only']) {
      await pool.query(text)
    }
    await pool.query("delete from users where name = 'Nobody'")
    // What is cut off between the BEGIN and the COMMIT of a read-only handle is nobody's BEGIN.
    await pool
      .replica()
      .query({ text: 'select pg_sleep(30)', timeoutMs: 300 })
      .catch(() => undefined)
    // Warnings are emitted a tick later.
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', heard)
    expect(warnings).toEqual([expect.objectContaining({ message: expect.stringContaining('Use pool.transaction(') })])
  })

  test('a field named __proto__ is not what runs', async () => {
    await using pool = make()
    const sent = JSON.parse(
      '{"text":"select 1 as n","__proto__":{"text":"select 2 as n","values":[1],"rowMode":"array"}}',
    ) as { text: string }
    for (const by of [pool, pool.primary, pool.replica()]) expect((await by.query(sent)).rows).toEqual([{ n: 1 }])
    expect((await pool.transaction((tx) => tx.query(sent))).rows).toEqual([{ n: 1 }])
    const nothing = JSON.parse('{"__proto__":{"text":"select 2"}}') as { text: string }
    await expect(pool.query(nothing)).rejects.toThrow('A query must have either text or a name')
  })

  test.each(['a client', 'an idle client'])('%s without any listeners dies as any other', async (who) => {
    await using pool = make()
    const client = await pool.connect()
    client.removeAllListeners()
    await client.query('begin')
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    if (who === 'an idle client') {
      await client.query('commit')
      client.release()
    } else {
      // Nobody else has to hear it, but then pg would end the process.
      client.on('error', () => undefined)
    }
    await ask(world.url('nrt'), `select pg_terminate_backend(${rows[0]?.pid}, 5000)`)
    if (who === 'a client') {
      await expect(client.query('select 1')).rejects.toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
      client.release()
    }
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect((await pool.primary.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('a client whose idle connection has died tells the process of the one that it goes on with', async () => {
    await using pool = make()
    const client = await pool.connect()
    client.on('error', () => undefined)
    const told = (): unknown => (client as unknown as { readonly processID: unknown }).processID
    await client.query('begin')
    await client.query('select 1')
    await client.query('commit')
    await ask(world.url('nrt'), `select pg_terminate_backend(${String(told())}, 5000)`)
    await until(() => pool.totalCount === 0 || pool.idleCount === pool.totalCount, 'its death to be heard')
    await client.query('begin')
    const sleeping = client.query('select pg_sleep(2)').catch((error: unknown) => error)
    await running(world.url('nrt'), 'select pg_sleep(2)')
    await ask(world.url('nrt'), `select pg_cancel_backend(${String(told())})`)
    const ended = await sleeping
    client.release(true)
    expect(ended).toMatchObject({ code: '57014' })
  })

  test('pool.query() begins no transaction by itself, on handles neither', async () => {
    await using pool = make()
    for (const text of ['begin', 'BEGIN READ ONLY', 'start transaction']) {
      for (const handle of [pool, pool.primary, pool.replica()]) {
        await expect(handle.query(text)).rejects.toMatchObject({ code: 'NEAREST_POOL_TRANSACTION' })
      }
    }
  })

  test('an error about the time says whose it was, and which server was waited for', async () => {
    await using pool = make()
    const { server } = (await pool.primary.query('select 1')).servedBy
    const says = `waited for an answer of ${server}: timeoutMs of the call is 100 ms`
    const napping = { text: 'select pg_sleep(30)', route: 'primary', timeoutMs: 100 } as const
    await expect(pool.query(napping)).rejects.toThrow(says)
    const client = await pool.primary.connect()
    await client.query('select 1')
    const told = await client.query(napping).catch((error: unknown) => error)
    client.release()
    expect(told).toMatchObject({ message: expect.stringContaining(says) })
    const work = pool.transaction({ timeoutMs: 500 }, (tx) => tx.query('select pg_sleep(30)'))
    await expect(work).rejects.toThrow(`waited for an answer of ${server}: timeoutMs of the transaction is 500 ms`)
  })

  const writes = [
    "insert into users (name) values ('Nobody')",
    'with gone as (delete from users returning id) select count(*) from gone',
    'select id from users for update',
    "select nextval('users_id_seq')",
    'create table nothing (a int)',
    'select hit()',
  ]
  const REFUSED = { code: 'NEAREST_READ_ONLY_HANDLE', cause: { code: '25006', severity: 'ERROR' } }
  test.each(writes)('a read-only handle refuses: %s', async (text) => {
    await using pool = make()
    const before = await ask(
      world.url('nrt'),
      'select (select count(*)::int from users) as users, (select n from hits) as hits',
    )
    const refused = await pool
      .replica()
      .query(text)
      .catch((error: unknown) => error)
    expect(refused).toMatchObject({
      ...REFUSED,
      message: expect.stringMatching(/^pool\.replica\(\) only reads/) as string,
    })
    const borrowed = await pool.replica().connect()
    await expect(borrowed.query(text)).rejects.toMatchObject(REFUSED)
    await borrowed.query('begin')
    await expect(borrowed.query(text)).rejects.toMatchObject(REFUSED)
    await borrowed.query('rollback')
    borrowed.release()
    await expect(pool.transaction({ readOnly: true }, (tx) => tx.query(text))).rejects.toMatchObject(REFUSED)
    const after = await ask(
      world.url('nrt'),
      'select (select count(*)::int from users) as users, (select n from hits) as hits',
    )
    expect(after).toEqual(before)
  })

  test('a read-only handle reads', async () => {
    await using pool = make()
    expect((await pool.replica().query('select count(*)::int as n from users')).rows).toEqual([{ n: 3 }])
    const { rows } = await pool.replica().query({ text: 'select $1::int + 1 as n', values: [1], name: 'plus-one' })
    expect(rows).toEqual([{ n: 2 }])
    const client = await pool.replica().connect()
    await client.query('begin')
    expect((await client.query('select 2 as n')).rows).toEqual([{ n: 2 }])
    await client.query('commit')
    client.release()
  })

  test('a failed statement leaves nothing behind on a read-only handle', async () => {
    await using pool = make()
    await expect(pool.replica().query('select 1/0')).rejects.toMatchObject({ code: '22012' })
    expect((await pool.replica().query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect((await pool.query("update users set age = 37 where name = 'Ada'")).rowCount).toBe(1)
  })

  test('the handles are there', async () => {
    await using pool = make()
    const { rows } = await pool.primary.query('select pg_is_in_recovery() as standby')
    expect(rows).toEqual([{ standby: false }])
    for (const handle of pool.replicas().values())
      expect((await handle.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect(pool.regions().length).toBe(pool.replicas().size)
  })
})

test('with one database every region is taken, so the code of five regions runs', async () => {
  await using pool = createPool({ primary: world.url('nrt') })
  expect(pool.regions()).toEqual([])
  const { servedBy } = await pool.replica('syd').query('select 1')
  expect(servedBy).toMatchObject({ server: 'primary', region: undefined, role: 'primary' })
})

test('with one database nothing is asked in the background', async () => {
  await using pool = createPool({ primary: world.url('nrt'), application_name: 'quiet', probeIntervalMs: 50 })
  await pool.query('select 1')
  await new Promise((resolve) => setTimeout(resolve, 300))
  const rows = await ask(world.url('nrt'), "select pid from pg_stat_activity where application_name = 'quiet'")
  expect(rows.length, 'the one connection that the query used').toBe(1)
})

test('a read-only handle on the primary costs one round trip, not three', async () => {
  await using pool = createPool({ primary: world.url('nrt', { from: 'ord' }) })
  await pool.replica().query('select 1')
  let least = Infinity
  for (let i = 0; i < 5; i++) {
    const started = performance.now()
    await pool.replica().query('select 1')
    least = Math.min(least, performance.now() - started)
  }
  expect(least).toBeGreaterThanOrEqual(30)
  expect(least).toBeLessThan(60)
})

test('a connection that goes back because its client reads elsewhere is still cancelled by its own process', async () => {
  await ask(world.url('nrt'), 'create table notes (note int)')
  const { primary, replicas } = world.poolOptions('ord')
  await using pool = createPool({ region: 'ord', primary, max: 1 })
  const client = await pool.connect()
  pool.setServers({ primary, replicas })
  await until(async () => {
    await pool.refresh()
    const { servedBy } = await client.query({ text: 'select 1', consistency: 'eventual' })
    return servedBy.server === 'ord'
  }, 'its reads to be served next door')
  const slow = 'insert into notes select 1 from pg_sleep(2)'
  const error: unknown = await pool
    .query({ text: slow, query_timeout: 500 } as pg.QueryConfig)
    .catch((reason: unknown) => reason)
  expect(error).toMatchObject({ message: 'Query read timeout' })
  const active = `select pid from pg_stat_activity where query = '${slow}' and state = 'active'`
  await until(async () => (await ask(world.url('nrt'), active)).length === 0, 'its end on the server')
  client.release()
  expect(await ask(world.url('nrt'), 'select note from notes')).toEqual([])
  await ask(world.url('nrt'), 'drop table notes')
})
