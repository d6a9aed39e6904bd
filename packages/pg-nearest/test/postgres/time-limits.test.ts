import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool } from '../../src/index.ts'
import { ask, until, withUsers } from './fixtures.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 40 })
  await withUsers(world)
})
afterAll(() => world.stop())

async function running(region: string, text: string): Promise<number> {
  const rows = await ask(
    world.url(region),
    `select pid from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query like '%${text}%'`,
  )
  return rows.length
}

describe('an AbortSignal', () => {
  test.each([
    { name: 'a read on the replica', region: 'ord', text: "select pg_sleep(30), 'read-mark'", mark: 'read-mark' },
    {
      name: 'a write on the primary',
      region: 'nrt',
      text: "insert into hits select 1 from pg_sleep(30) where 'w-mark' <> ''",
      mark: 'w-mark',
    },
  ])('ends $name, on the server too', async ({ region, text, mark }) => {
    await using pool = createPool(world.poolOptions('ord'))
    const controller = new AbortController()
    const query = pool.query({ text, signal: controller.signal }).catch((error: unknown) => error)
    await until(async () => (await running(region, mark)) === 1, 'it to run')
    const reason = new Error('the visitor left')
    controller.abort(reason)
    expect(await query).toBe(reason)
    await until(async () => (await running(region, mark)) === 0, 'it to be cancelled')
    expect((await pool.query('select 1 as one')).rows, 'the pool goes on').toEqual([{ one: 1 }])
  })

  test('already aborted: nothing is sent', async () => {
    await using pool = createPool(world.poolOptions('ord'))
    const signal = AbortSignal.abort(new Error('too late'))
    await expect(pool.query({ text: 'select hit()', signal })).rejects.toThrow('too late')
    expect(pool.totalCount).toBe(0)
  })

  test('ends the wait for a connection, and the connection is not lost', async () => {
    await using pool = createPool({ ...world.poolOptions('ord'), max: 1 })
    const client = await pool.connect()
    await client.query('select 1')
    await expect(pool.query({ text: 'select 1', signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    client.release()
    await until(() => pool.idleCount === 1, 'the connection to come back')
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('on a borrowed client, and in a transaction, which is rolled back', async () => {
    await using pool = createPool(world.poolOptions('ord'))
    const signal = AbortSignal.timeout(300)
    const work = pool.transaction(async (tx) => {
      await tx.query("insert into users (name) values ('Aborted')")
      await tx.query({ text: 'select pg_sleep(30)', signal })
    })
    await expect(work).rejects.toMatchObject({ name: 'TimeoutError' })
    const rows = await ask(world.url('nrt'), "select 1 from users where name = 'Aborted'")
    expect(rows).toEqual([])
  })
})

describe('time-outs of pg', () => {
  test.each<[string, (options: object) => pg.Pool]>([
    ['pg', (options) => new pg.Pool({ connectionString: world.url('nrt'), ...options })],
    ['one database', (options) => createPool({ primary: world.url('nrt'), ...options })],
    ['with a replica', (options) => createPool({ ...world.poolOptions('ord'), ...options })],
  ])('query_timeout of the pool as a text, as from the environment: %s', async (_, make) => {
    const limited = make({ query_timeout: '400' })
    await expect(limited.query('select pg_sleep(3)')).rejects.toThrow('Query read timeout')
    const client = await limited.connect()
    await expect(client.query('select pg_sleep(3)')).rejects.toThrow('Query read timeout')
    client.release(true)
    await limited.end()
    const unlimited = make({ query_timeout: '' })
    expect((await unlimited.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await unlimited.end()
  })

  test.each<[kind: string, make: (url: string) => pg.Pool]>([
    ['pg', (connectionString) => new pg.Pool({ connectionString, query_timeout: 60_000 })],
    ['one database', (primary) => createPool({ primary, query_timeout: 60_000 })],
    [
      'with a replica',
      (primary) =>
        createPool({ ...world.poolOptions('ord'), primary: { region: 'nrt', url: primary }, query_timeout: 60_000 }),
    ],
  ])('query_timeout in the URL of the primary goes before the option: %s', async (_, make) => {
    const pool = make(`${world.url('nrt')}?query_timeout=400`)
    await expect(pool.query('select pg_sleep(3)')).rejects.toThrow('Query read timeout')
    await pool.end()
  })

  test('query_timeout', async () => {
    await using pool = createPool({ ...world.poolOptions('ord'), query_timeout: 200 })
    await expect(pool.query('select pg_sleep(30)')).rejects.toThrow('Query read timeout')
    const next = { text: 'select 1 as one', query_timeout: 10_000 }
    expect((await pool.query(next)).rows).toEqual([{ one: 1 }])
  })

  test('statement_timeout: the server’s error is the caller’s, and is not tried elsewhere', async () => {
    await using pool = createPool({ ...world.poolOptions('ord'), statement_timeout: 200 })
    const attempts: number[] = []
    pool.on('query', ({ servedBy }) => attempts.push(servedBy?.attempts ?? 0))
    const started = performance.now()
    await expect(pool.query('select pg_sleep(30)')).rejects.toMatchObject({ code: '57014' })
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(attempts).toEqual([0])
  })

  test('connectionTimeoutMillis: a full pool says so, in words', async () => {
    await using pool = createPool({ ...world.poolOptions('ord'), max: 1, connectionTimeoutMillis: 600 })
    await pool.query('select 1')
    const busy = pool.query('select pg_sleep(2)')
    await expect(pool.query('select 1')).rejects.toMatchObject({
      code: 'NEAREST_TIMEOUT',
      message: expect.stringContaining('raise it or "max"'),
    })
    await busy
  })

  test('a server that does not answer is passed over in connectTimeoutMs', async () => {
    const { createServer } = await import('node:net')
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const options = world.poolOptions('ord')
    const ord = `postgres://app@127.0.0.1:${port}/app`
    const pool = createPool({ ...options, replicas: { ord }, connectTimeoutMs: 700 })
    const started = performance.now()
    const { servedBy } = await pool.query('select 1')
    expect(servedBy).toMatchObject({ server: 'nrt', attempts: 2 })
    expect(performance.now() - started).toBeLessThan(2_000)
    await pool.destroy()
    silent.close()
  })
})

describe('a statement that waits for its turn on a borrowed client', () => {
  const reason = new Error('enough')
  const LIMITS: readonly { name: string; limit: () => object; error: object }[] = [
    { name: 'query_timeout', limit: () => ({ query_timeout: 100 }), error: { message: 'Query read timeout' } },
    { name: 'timeoutMs', limit: () => ({ timeoutMs: 100 }), error: { code: 'NEAREST_TIMEOUT' } },
    {
      name: 'a signal',
      limit: () => {
        const controller = new AbortController()
        setTimeout(() => controller.abort(reason), 100)
        return { signal: controller.signal }
      },
      error: reason,
    },
  ]

  describe.each([{ inTransaction: false }, { inTransaction: true }])(
    'in a transaction: $inTransaction',
    ({ inTransaction }) => {
      test.each(LIMITS)('is ended by $name at its time, and never runs', async ({ limit, error }) => {
        await using pool = createPool(world.poolOptions('ord'))
        const client = await pool.connect()
        if (inTransaction) await client.query('begin')
        const ahead = client.query('select 1 as n, pg_sleep(1.5)')
        const waiting = client.query({ text: "insert into users (name) values ('Waited')", ...limit() })
        const behind = client.query('select 2 as n')
        // Timers keep their order, however busy the process is.
        await expect(Promise.race([waiting, sleep(1_000)])).rejects.toMatchObject(error)
        expect((await ahead).rows).toMatchObject([{ n: 1 }])
        expect((await behind).rows).toEqual([{ n: 2 }])
        if (inTransaction) await client.query('commit')
        client.release()
        expect(await ask(world.url('nrt'), "select 1 from users where name = 'Waited'")).toEqual([])
      })
    },
  )

  test('query_timeout counts from when it was given, as in pg', async () => {
    await using pool = createPool({ ...world.poolOptions('ord'), query_timeout: 1_000 })
    const client = await pool.connect()
    const ahead = client.query('select pg_sleep(0.7)').catch(() => 'late, on a busy machine')
    const waiting = client.query('select pg_sleep(30)')
    // If it counted from when its turn came, it would be over after 1,700 ms.
    await expect(Promise.race([waiting, sleep(1_600)])).rejects.toThrow('Query read timeout')
    await ahead
    const next = { text: 'select 1 as n', query_timeout: 10_000 }
    expect((await client.query(next)).rows).toEqual([{ n: 1 }])
    // A BEGIN that was answered long ago is given again with the statement behind it.
    await client.query('begin')
    await sleep(1_100)
    expect((await client.query({ name: 'late', text: 'select 2 as n' })).rows).toEqual([{ n: 2 }])
    await client.query('commit')
    client.release()
  })
})

test('a transaction ends at its time, whatever its work waits for, and what that still asks for is refused', async () => {
  await using pool = createPool(world.poolOptions('ord'))
  let late: Promise<unknown> | undefined
  const started = performance.now()
  const work = pool.transaction({ timeoutMs: 300 }, async (tx) => {
    // On a busy machine not even this one may be done in time.
    await tx.query("insert into users (name) values ('Late')").catch(() => undefined)
    await sleep(1_000)
    late = tx.query("insert into users (name) values ('Later')").catch((error: unknown) => error)
  })
  await expect(work).rejects.toMatchObject({ code: 'NEAREST_TIMEOUT' })
  expect(performance.now() - started).toBeLessThan(900)
  await until(() => late !== undefined, 'the work to go on')
  expect(await late).toBeInstanceOf(Error)
  expect(await ask(world.url('nrt'), "select 1 from users where name like 'Late%'")).toEqual([])
})
