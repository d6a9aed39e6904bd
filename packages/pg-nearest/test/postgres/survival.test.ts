import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterEach, describe, expect, test } from 'vitest'
import { createPool, isNoServerError, isOutcomeUnknownError, type NearestPool } from '../../src/index.ts'
import { ask, caughtUp, healthOf, nearInOrder, roleOf, until, withUsers } from './fixtures.ts'
import { repeatedly } from './repeatedly.ts'
import { running } from './settling.ts'

let world: World
let pool: NearestPool | undefined
afterEach(async () => {
  await pool?.destroy()
  pool = undefined
  await world.stop()
})

async function start(): Promise<void> {
  world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'atl'],
    rtt: { 'nrt-ord': 60, 'nrt-atl': 80, 'ord-atl': 10 },
  })
  await withUsers(world)
}

test('one of two replicas killed under 200 readers: no read fails, and reads go back to it', async () => {
  await start()
  pool = createPool(world.poolOptions('ord'))
  await pool.refresh()
  const served = new Map<string, number>()
  const failures: unknown[] = []
  const own = pool
  await using readers = repeatedly(200, async () => {
    try {
      const { servedBy, rows } = await own.query('select name from users where id = $1', [1])
      expect(rows).toEqual([{ name: 'Ada' }])
      served.set(servedBy.server, (served.get(servedBy.server) ?? 0) + 1)
    } catch (error) {
      failures.push(error)
    }
  })
  const readBy = (server: string): Promise<void> =>
    until(() => (served.get(server) ?? 0) >= 200, `reads from ${server}`)
  await readBy('ord')
  await world.kill('ord')
  await readBy('atl')
  await sleep(1_000)
  await world.start('ord')
  await until(() => healthOf(own.status(), 'ord') === 'up', 'ord to be up again')
  served.clear()
  await readBy('ord')
  await readers.stop()
  expect(failures).toEqual([])
  const { servedBy } = await own.query('select 1')
  expect(servedBy).toMatchObject({ server: 'ord', reason: 'own-region' })
})

describe('a server that is down when the pool is made', () => {
  test('a replica: the pool starts, reads and writes work, and it is used when it comes', async () => {
    await start()
    await world.kill('ord')
    pool = createPool(world.poolOptions('ord'))
    const own = pool
    const first = await own.query('select count(*)::int as n from users')
    expect(first.rows).toEqual([{ n: 3 }])
    expect(['atl', 'nrt']).toContain(first.servedBy.server)
    await own.query("insert into users (name, age) values ('Barbara', 80)")
    const through = await own.replica().query('select 1')
    expect(['atl', 'nrt']).toContain(through.servedBy.server)
    await world.start('ord')
    await until(async () => (await own.query('select 1')).servedBy.server === 'ord', 'reads from ord')
  })

  test('all replicas: the primary answers', async () => {
    await start()
    await Promise.all([world.kill('ord'), world.kill('atl')])
    pool = createPool(world.poolOptions('ord'))
    const { servedBy } = await pool.query('select name from users')
    expect(servedBy).toMatchObject({ server: 'nrt', role: 'primary' })
    await pool.refresh()
    const again = await pool.query('select name from users')
    expect(again.servedBy).toMatchObject({ server: 'nrt', reason: 'no-replica', attempts: 1 })
  })

  test('the primary: reads work; a write says why not, and works when it comes', async () => {
    await start()
    await world.kill('nrt')
    pool = createPool(world.poolOptions('ord'))
    const { servedBy } = await pool.query('select name from users')
    expect(servedBy).toMatchObject({ server: 'ord', attempts: 1 })
    const refused = await pool.query("insert into users (name) values ('Nobody')").catch((error: unknown) => error)
    expect(isNoServerError(refused) && refused.code).toBe('NEAREST_NO_SERVER')
    expect(String(refused)).toContain('nrt')
    await world.start('nrt')
    const written = await pool.query("insert into users (name) values ('Somebody')")
    expect(written.servedBy.server).toBe('nrt')
  })

  test('everything: the error lists what each server said', async () => {
    await start()
    await Promise.all(['nrt', 'ord', 'atl'].map((region) => world.kill(region)))
    pool = createPool(world.poolOptions('ord'))
    const refused = await pool.query('select 1').catch((error: unknown) => error)
    if (!isNoServerError(refused)) throw refused
    expect(refused.attempts.map(({ server }) => server).toSorted()).toEqual(['atl', 'nrt', 'ord'])
    await world.start('nrt')
    const { servedBy } = await pool.query('select 1')
    expect(servedBy.server, 'the last target is never banned').toBe('nrt')
  })
})

describe('a connection that dies with a statement on it', () => {
  test('a read on a standby runs on the next server, and the caller sees nothing', async () => {
    await start()
    // A busy machine may make a near server look far, for one probe.
    pool = createPool({ ...world.poolOptions('ord'), probeIntervalMs: 60_000 })
    await nearInOrder(pool, 'ord', 'atl', 'nrt')
    const slow = pool.query("select 'read' as kind, pg_sleep(2)")
    await running(world.url('ord'), "select 'read'")
    const [killed] = await ask<{ n: number }>(
      world.url('ord'),
      "select count(pg_terminate_backend(pid))::int as n from pg_stat_activity where query like 'select ''read''%' and pid <> pg_backend_pid()",
    )
    expect(killed).toEqual({ n: 1 })
    const { rows, servedBy } = await slow
    expect(rows).toMatchObject([{ kind: 'read' }])
    expect(servedBy).toMatchObject({ server: 'atl', reason: 'retry', attempts: 2 })
  })

  test('a write is not run again: its outcome is unknown, and it happened at most once', async () => {
    await start()
    pool = createPool(world.poolOptions('ord'))
    await pool.refresh()
    const write = "insert into users (name) select 'Once' from pg_sleep(10)"
    const slow = pool.query(write).catch((error: unknown) => error)
    await running(world.url('nrt'), write)
    await world.kill('nrt')
    const error = await slow
    if (!isOutcomeUnknownError(error)) throw error
    expect(error).toMatchObject({ code: '08007', server: 'nrt', text: write })
    await world.start('nrt')
    const [row] = await ask<{ n: number }>(world.url('nrt'), "select count(*)::int as n from users where name = 'Once'")
    expect(row?.n).toBe(0)
  })

  test('COMMIT on its way: the outcome is unknown; any other statement of a transaction: rolled back', async () => {
    await start()
    pool = createPool(world.poolOptions('ord'))
    await pool.refresh()
    await ask(
      world.url('nrt'),
      `create function slow_check() returns trigger language plpgsql as 'begin perform pg_sleep(10); return null; end';
       create constraint trigger slow after insert on users deferrable initially deferred for each row execute function slow_check()`,
    )
    const commits = pool
      .transaction(async (tx) => {
        await tx.query("insert into users (name) values ('Maybe')")
      })
      .catch((error: unknown) => error)
    const slowly = "insert into users (name) select 'Not yet' from pg_sleep(10)"
    const works = pool
      .transaction(async (tx) => {
        await tx.query('select 1')
        await tx.query(slowly)
      })
      .catch((error: unknown) => error)
    const begins = pool
      .transaction(async (tx) => {
        await tx.query(slowly)
      })
      .catch((error: unknown) => error)
    await Promise.all([running(world.url('nrt'), 'commit'), running(world.url('nrt'), slowly, 2)])
    await world.kill('nrt')
    expect(await commits).toMatchObject({ code: '08007' })
    expect(await works).toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
    // Without its COMMIT it had no effect, so it is tried elsewhere, and nobody else is there.
    expect(await begins).toMatchObject({ code: 'NEAREST_NO_SERVER' })
  })

  test('a recovery conflict on a standby is no error of the caller’s', async () => {
    world = await startWorld({
      primary: 'nrt',
      replicas: ['ord'],
      rtt: 5,
      settings: { max_standby_streaming_delay: '100ms' },
    })
    await withUsers(world)
    pool = createPool(world.poolOptions('ord'))
    await pool.refresh()
    const slow = pool.query('select name, pg_sleep(1.5) from users order by id')
    await running(world.url('ord'), 'select name, pg_sleep')
    await ask(world.url('nrt'), 'alter table users add column more int')
    const { rows, servedBy } = await slow
    expect(rows.length).toBe(3)
    expect(servedBy).toMatchObject({ server: 'nrt', reason: 'retry' })
  })
})

test('after a promotion the new primary takes the writes, and says that it is one', async () => {
  await start()
  const own = createPool({ ...world.poolOptions('ord'), probeIntervalMs: 100 })
  pool = own
  await own.refresh()
  expect((await own.query('select 1')).servedBy).toMatchObject({ server: 'ord', role: 'replica' })
  await world.promote('ord')
  await until(() => roleOf(own.status(), 'ord') === 'primary', 'the monitor to see it')
  const { servedBy } = await own.query("insert into users (name) values ('After')")
  expect(servedBy).toMatchObject({ server: 'ord', role: 'primary', reason: 'write', attempts: 1 })
  expect(await ask(world.url('ord'), "select count(*)::int as n from users where name = 'After'")).toEqual([{ n: 1 }])
})

test('a promotion under writes: none happens twice, none that failed has happened, and no read fails', async () => {
  await start()
  await ask(world.url('nrt'), 'create table written (id text)')
  await caughtUp(world)
  const own = createPool({ ...world.poolOptions('ord'), probeIntervalMs: 100 })
  pool = own
  await own.refresh()
  const refused: string[] = []
  const badReads: unknown[] = []
  let next = 0
  const write = async (): Promise<void> => {
    const id = `write ${next++}`
    await own.query('insert into written values ($1)', [id]).catch((error: unknown) => {
      if (!isOutcomeUnknownError(error)) refused.push(id)
    })
  }
  const read = (): Promise<unknown> =>
    own.query('select count(*) from users').catch((error: unknown) => badReads.push(error))
  await using writers = repeatedly(8, write, 5)
  await using readers = repeatedly(8, read, 2)
  await sleep(300)
  await world.promote('ord')
  await until(async () => (await own.query('select 1').catch(() => undefined)) !== undefined, 'reads')
  await sleep(500)
  await Promise.all([writers.stop(), readers.stop()])
  expect(badReads).toEqual([])
  const rows = await ask<{ id: string; times: number }>(
    world.url('ord'),
    'select id, count(*)::int as times from written group by id',
  )
  expect(rows.filter(({ times }) => times > 1)).toEqual([])
  const there = new Set(rows.map(({ id }) => id))
  expect(refused.filter((id) => there.has(id))).toEqual([])
  expect(there.size).toBeGreaterThan(100)
})

test('idle connections that died while nobody looked are not the caller’s trouble', async () => {
  await start()
  const own = createPool({ ...world.poolOptions('ord'), max: 5 })
  pool = own
  await Promise.all(Array.from({ length: 5 }, () => own.query('select pg_sleep(0.05)')))
  await ask(
    world.url('ord'),
    'select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = current_user and pid <> pg_backend_pid()',
  )
  const results = await Promise.all(Array.from({ length: 20 }, () => own.query('select 1 as one')))
  expect(results.every((result) => result.rows[0]?.['one'] === 1)).toBe(true)
  await caughtUp(world)
})

test('idle connections whose sockets have closed this moment are passed over, however many they are', async () => {
  await start()
  const own = createPool({ primary: world.url('nrt'), max: 8, min: 8 })
  pool = own
  const sockets: { destroy(): void }[] = []
  own.on('connect', (client) => void sockets.push(socketOf(client)))
  await Promise.all(Array.from({ length: 8 }, () => own.query('select pg_sleep(0.1)')))
  expect(sockets.length).toBeGreaterThanOrEqual(8)
  for (let i = 0; i < 3; i++) {
    // pg's clients tell of it some turns of the event loop later.
    for (const socket of sockets.splice(0)) socket.destroy()
    const client = await own.connect()
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    client.release()
    expect((await own.query('select 2 as two')).rows).toEqual([{ two: 2 }])
    await Promise.all(Array.from({ length: 8 }, () => own.query('select pg_sleep(0.1)')))
  }
})

function socketOf(client: object): { destroy(): void } {
  return (client as { readonly connection: { readonly stream: { destroy(): void } } }).connection.stream
}
