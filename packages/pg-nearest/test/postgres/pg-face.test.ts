import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool } from '../../src/index.ts'
import { connectionsTo } from './connection-counts.ts'
import { ask, until, withUsers } from './fixtures.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
})
afterAll(() => world.stop())

describe('the face of pg.Pool', () => {
  test('instanceof, so that libraries take it', async () => {
    await using pool = createPool(world.poolOptions('ord'))
    for (const each of [pool, pool.primary, pool.replica(), pool.replica('ord')]) expect(each).toBeInstanceOf(pg.Pool)
  })

  test('every form of query', async () => {
    await using pool = createPool(world.poolOptions('ord'))
    const callback = (
      run: (done: (error: Error | undefined, result?: pg.QueryResult) => void) => void,
    ): Promise<unknown> =>
      new Promise((resolve, reject) => run((error, result) => (error ? reject(error) : resolve(result?.rows))))
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
    expect((await pool.query('select $1::int as n', [2])).rows).toEqual([{ n: 2 }])
    expect((await pool.query({ text: 'select $1::int as n', values: [3] })).rows).toEqual([{ n: 3 }])
    expect((await pool.query({ text: 'select $1::int as n' }, [4])).rows).toEqual([{ n: 4 }])
    expect((await pool.query({ text: 'select 5 as n', rowMode: 'array' })).rows).toEqual([[5]])
    expect((await pool.query({ name: 'six', text: 'select $1::int as n', values: [6] })).rows).toEqual([{ n: 6 }])
    expect(await callback((done) => pool.query('select 7 as n', done))).toEqual([{ n: 7 }])
    expect(await callback((done) => pool.query('select $1::int as n', [8], done))).toEqual([{ n: 8 }])
    await expect(callback((done) => pool.query('selekt', done))).rejects.toMatchObject({ code: '42601' })
    const several = (await pool.query('select 1 as n; select 2 as n')) as unknown as pg.QueryResult[]
    expect(several.map(({ rows }) => rows)).toEqual([[{ n: 1 }], [{ n: 2 }]])
    expect((await pool.query('')).rows).toEqual([])
  })

  test('an error’s stack leads to the caller', async () => {
    await using pool = createPool(world.poolOptions('ord'))
    const error = await pool.query('select 1/0').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(pg.DatabaseError)
    expect((error as Error).stack).toContain('pg-face.test.ts')
  })

  test('wrong calls get errors, in promises and callbacks', async () => {
    await using pool = createPool(world.poolOptions('ord'))
    // @ts-expect-error -- what JavaScript callers may do
    await expect(pool.query(undefined)).rejects.toThrow(TypeError)
    // @ts-expect-error -- what JavaScript callers may do
    await expect(pool.query({ text: 'select 1', route: 'moon' })).rejects.toMatchObject({ code: 'NEAREST_BAD_OPTION' })
    // @ts-expect-error -- what JavaScript callers may do
    await expect(pool.query({ text: 'select 1', signal: 5 })).rejects.toMatchObject({ code: 'NEAREST_BAD_OPTION' })
  })

  test('connect with a callback', async () => {
    await using pool = createPool(world.poolOptions('ord'))
    const rows = await new Promise((resolve, reject) => {
      pool.connect((error, client, done) => {
        if (client === undefined) return reject(error)
        client.query('select 1 as n').then(
          (result) => {
            done()
            resolve(result.rows)
          },
          (reason: unknown) => reject(reason as Error),
        )
      })
    })
    expect(rows).toEqual([{ n: 1 }])
  })

  test('events and counts come from every server’s own pool', async () => {
    const pool = createPool(world.poolOptions('ord'))
    const events: string[] = []
    for (const event of ['connect', 'acquire', 'release', 'remove'] as const)
      pool.on(event as 'connect', () => events.push(event))
    await pool.query('select 1')
    await pool.query('select hit()')
    expect(pool.totalCount).toBe(2)
    expect(pool.idleCount).toBe(2)
    expect(pool.waitingCount).toBe(0)
    await pool.end()
    expect(events.filter((event) => event === 'connect').length).toBe(2)
    expect(events.filter((event) => event === 'acquire').length, 'the refused attempt, too').toBe(3)
    expect(pool.totalCount).toBe(0)
  })

  test('the end: it waits for what runs, closes all, and says so to whoever comes late', async () => {
    const pool = createPool({ ...world.poolOptions('ord'), application_name: 'the end' })
    const slow = pool.query('select pg_sleep(0.3), 1 as one')
    const handle = pool.replica()
    await pool.query('select hit()')
    const ending = pool.end()
    await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'NEAREST_ENDED' })
    await expect(handle.query('select 1')).rejects.toMatchObject({ code: 'NEAREST_ENDED' })
    await expect(pool.connect()).rejects.toMatchObject({ code: 'NEAREST_ENDED' })
    expect((await slow).rows).toMatchObject([{ one: 1 }])
    await ending
    await expect(pool.end()).rejects.toThrow('Called end on pool more than once')
    for (const region of ['nrt', 'ord']) {
      const gone = async (): Promise<boolean> =>
        (await ask(world.url(region), "select 1 from pg_stat_activity where application_name like 'the end%'"))
          .length === 0
      await until(gone, `no connection to ${region}`)
    }
  })

  test('the end waits for those who wait for a connection, and for lent clients', async () => {
    const pool = createPool({ ...world.poolOptions('ord'), max: 1 })
    const client = await pool.connect()
    const queries = Array.from({ length: 5 }, (_, n) => pool.query('select $1::int as n, pg_sleep(0.02)', [n]))
    let ended = false
    const ending = pool.end().then(() => (ended = true))
    expect((await Promise.all(queries)).map(({ rows }) => rows[0]?.['n'])).toEqual([0, 1, 2, 3, 4])
    expect((await client.query('select hit()')).rowCount).toBe(1)
    expect(ended).toBe(false)
    client.release()
    await ending
  })

  test('destroy: those who wait for a connection are told', async () => {
    const pool = createPool({ ...world.poolOptions('ord'), max: 1 })
    const queries = Array.from({ length: 3 }, () => pool.query('select pg_sleep(30)').catch((error: unknown) => error))
    await until(() => pool.waitingCount > 0, 'them to wait')
    await pool.destroy()
    for (const error of await Promise.all(queries)) expect(error).toBeInstanceOf(Error)
  })

  test('ending a handle ends nothing', async () => {
    await using pool = createPool(world.poolOptions('ord'))
    await pool.replica().end()
    expect((await pool.replica().query('select 1 as n')).rows).toEqual([{ n: 1 }])
  })

  test('destroy: now, whatever runs', async () => {
    const pool = createPool(world.poolOptions('ord'))
    const slow = pool.query('insert into hits select 1 from pg_sleep(30)').catch((error: unknown) => error)
    await until(() => pool.totalCount > 0 && pool.idleCount === 0, 'it to run')
    await pool.destroy()
    expect(await slow).toBeInstanceOf(Error)
  })

  test('pg’s own options apply to each server', async () => {
    await using pool = createPool({
      ...world.poolOptions('ord'),
      application_name: 'mine',
      statement_timeout: 12_345,
      max: 3,
    })
    for (const text of ['show application_name', 'show statement_timeout']) {
      const value = text.endsWith('name') ? 'mine' : '12345ms'
      for (const handle of [pool.primary, pool.replica('ord')]) {
        expect(Object.values((await handle.query(text)).rows[0] ?? {})).toEqual([value])
      }
    }
    await Promise.all(Array.from({ length: 12 }, () => pool.query('select pg_sleep(0.02)')))
    const [row] = await ask<{ n: number }>(
      world.url('ord'),
      "select count(*)::int as n from pg_stat_activity where application_name = 'mine' and query !~ 'pg_control_system|pg_nearest_probe'",
    )
    expect(row?.n).toBeLessThanOrEqual(3)
  })
})

test('connections do not multiply: full pools to the own replica and the primary, one elsewhere', async () => {
  await using far = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd', 'ams'], rtt: 10 })
  await withUsers(far)
  await using pool = createPool({ ...far.poolOptions('ord'), max: 4 })
  await pool.refresh()
  const texts = ['select pg_sleep(0.01)', 'insert into hits values (1)']
  await Promise.all(Array.from({ length: 100 }, (_, i) => pool.query(texts[i % 2] ?? '')))
  const connections = (region: string): Promise<number> => connectionsTo(far.url(region))
  const monitor = 1
  // A server may need a while to end one that was closed here: the monitor's, on a busy machine.
  for (const region of ['ord', 'nrt']) await expect.poll(() => connections(region)).toBeLessThanOrEqual(4 + monitor)
  for (const region of ['syd', 'ams']) await expect.poll(() => connections(region)).toBe(monitor)
})
