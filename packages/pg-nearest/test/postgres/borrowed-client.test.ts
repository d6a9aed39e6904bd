import { setTimeout as sleep } from 'node:timers/promises'
import Cursor from 'pg-cursor'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type RoutedClient, type Transaction } from '../../src/index.ts'
import { ask, caughtUp, until, withUsers } from './fixtures.ts'
import { rejectionOf } from './settling.ts'

let world: World
let pool: NearestPool
let client: RoutedClient
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 20 })
  await withUsers(world)
})
afterAll(() => world.stop())
beforeEach(async () => {
  pool = createPool(world.poolOptions('ord'))
  client = await pool.connect()
})
afterEach(async () => {
  await pool.destroy()
})

/** Who ran it and why, in short: `ord own-region`. */
async function by(text: string): Promise<string> {
  const { servedBy } = await client.query(text)
  return `${servedBy.server} ${servedBy.reason}`
}

describe('a borrowed client', () => {
  test('chooses statement by statement, and sees its own writes', async () => {
    expect(await by('select 1')).toBe('ord own-region')
    // As soon as a probe told that it has the write, the replica would be asked again.
    await world.pauseReplay('ord')
    expect(await by("insert into users (name) values ('Mine')")).toBe('nrt write')
    expect(await by("select from users where name = 'Mine'")).toBe('nrt own-write')
    expect(await by("delete from users where name = 'Mine'")).toBe('nrt write')
    await world.resumeReplay('ord')
    client.release()
    await caughtUp(world, pool)
    client = await pool.connect()
    expect(await by('select 1')).toBe('ord own-region')
    client.release()
  })

  test.each([
    { name: 'SET', pin: "set app.who = 'ada'", then: "select current_setting('app.who') as v", gives: 'ada' },
    {
      name: 'set_config',
      pin: "select set_config('app.who', 'eve', false)",
      then: "select current_setting('app.who') as v",
      gives: 'eve',
    },
    {
      name: 'a temporary table',
      pin: "create temp table t as select 'mine' as v",
      then: 'select v from t',
      gives: 'mine',
    },
    { name: 'PREPARE', pin: "prepare p as select 'prepared' as v", then: 'execute p', gives: 'prepared' },
  ])('$name pins it to one connection of the primary until the release', async ({ pin, then, gives }) => {
    expect(await by('select 1')).toBe('ord own-region')
    expect(await by(pin)).toBe('nrt session')
    const { rows } = await client.query<{ v: string }>(then)
    expect(rows).toEqual([{ v: gives }])
    expect(await by('select 1')).toBe('nrt pinned')
    client.release(true)
  })

  test('an advisory lock is held on the primary, by this client alone', async () => {
    expect(await by('select pg_advisory_lock(42)')).toBe('nrt session')
    const [other] = await ask(world.url('nrt'), 'select pg_try_advisory_lock(42) as free')
    expect(other).toEqual({ free: false })
    const { rows } = await client.query('select pg_advisory_unlock(42) as ours')
    expect(rows).toEqual([{ ours: true }])
    client.release()
  })

  test('LISTEN hears', async () => {
    const heard = new Promise((resolve) => client.once('notification', resolve))
    expect(await by('listen news')).toBe('nrt session')
    expect((await pool.query("notify news, 'fresh'")).servedBy.server).toBe('nrt')
    expect(await heard).toMatchObject({ channel: 'news', payload: 'fresh' })
    client.release(true)
  })

  test('BEGIN … COMMIT is one connection of the primary; after it the choice is free again', async () => {
    expect(await by('begin')).toBe('nrt transaction')
    expect(await by("insert into users (name) values ('In')")).toBe('nrt transaction')
    expect(await by('select 1')).toBe('nrt transaction')
    expect(client.getTransactionStatus()).toBe('T')
    expect(await by('rollback')).toBe('nrt transaction')
    expect(client.getTransactionStatus()).toBe('I')
    client.release()
    expect(await ask(world.url('nrt'), "select 1 from users where name = 'In'")).toEqual([])
  })

  test('release(true) ends what a read-only transaction runs, and begins it nowhere else', async () => {
    const text = "select pg_sleep(1.5), 'begun again' as what"
    const running = async (): Promise<number> => {
      const seen = "select 1 from pg_stat_activity where query like '%begun again%' and pid <> pg_backend_pid()"
      return (
        await Promise.all(['nrt', 'ord'].map((region) => ask(world.url(region), `${seen} and state = 'active'`)))
      ).flat().length
    }
    await client.query('begin read only')
    await client.query('select 1')
    const lost = rejectionOf(client.query(text), 'what ran')
    await until(async () => (await running()) > 0, 'it to run')
    client.release(true)
    expect(String(await lost)).toContain('Connection terminated')
    await until(async () => (await running()) === 0, 'nobody to run it')
    await pool.end()
  })

  test('BEGIN READ ONLY goes to the replica, with everything up to COMMIT', async () => {
    expect(await by('begin read only')).toBe('ord transaction')
    expect(await by('select count(*) from users')).toBe('ord transaction')
    await expect(client.query('delete from users')).rejects.toMatchObject({ code: '25006' })
    expect(await by('rollback')).toMatch(/ transaction$/)
    client.release()
  })

  test('START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY runs where it can: on the primary', async () => {
    expect(await by('start transaction isolation level serializable read only')).toBe('nrt transaction')
    expect(await by('commit')).toBe('nrt transaction')
    client.release()
  })

  test('what is given without waiting runs in that order', async () => {
    const results = await Promise.all([
      client.query('begin'),
      client.query("insert into users (name) values ('Queued') returning name"),
      client.query("select count(*)::int as n from users where name = 'Queued'"),
      client.query('rollback'),
      client.query("select count(*)::int as n from users where name = 'Queued'"),
    ])
    expect(results.map(({ rows }) => rows)).toEqual([[], [{ name: 'Queued' }], [{ n: 1 }], [], [{ n: 0 }]])
    client.release()
  })

  test('an error is the statement’s alone, and inside of a transaction as pg has it', async () => {
    await expect(client.query('select 1/0')).rejects.toMatchObject({ code: '22012' })
    expect(await by('select 1')).toBe('ord own-region')
    await client.query('begin')
    await expect(client.query('select 1/0')).rejects.toMatchObject({ code: '22012' })
    await expect(client.query('select 1')).rejects.toMatchObject({ code: '25P02' })
    await client.query('rollback')
    client.release()
  })

  test('a cursor reads, on a connection of its own', async () => {
    const cursor = client.query(new Cursor<{ n: number }>('select generate_series(1, 10)::int as n'))
    expect((await cursor.read(3)).map(({ n }) => n)).toEqual([1, 2, 3])
    expect((await cursor.read(100)).length).toBe(7)
    await cursor.close()
    expect(await by('select 1')).toMatch(/ /)
    client.release()
  })

  test('holds at most one connection, and takes none before its first statement', async () => {
    expect(pool.totalCount).toBe(0)
    for (const text of ['select 1', 'select hit()', 'begin read only', 'select 1', 'commit', 'begin', 'commit']) {
      await client.query(text)
      expect(pool.totalCount - pool.idleCount).toBeLessThanOrEqual(1)
    }
    client.release()
    expect(pool.totalCount - pool.idleCount).toBe(0)
  })

  test('released inside of a transaction: the connection is closed, so nobody inherits it', async () => {
    await client.query('begin')
    await client.query("insert into users (name) values ('Left open')")
    client.release(false)
    const { rows } = await pool.primary.query("select count(*)::int as n from users where name = 'Left open'")
    expect(rows).toEqual([{ n: 0 }])
  })

  test('released with an error: what runs and what waits ends at once, as with pg', async () => {
    for (const begin of [[], ['begin']]) {
      const another = await pool.connect()
      await Promise.all(begin.map((text) => another.query(text)))
      const all = ['select pg_sleep(5)', 'select 1', "insert into users (name) values ('Released')"].map((text) =>
        another.query(text).then(
          () => 'done',
          ({ code, message }: { code?: string; message: string }) => code ?? message,
        ),
      )
      await sleep(200)
      const started = performance.now()
      another.release(true)
      const answers = await Promise.all(all)
      expect(performance.now() - started).toBeLessThan(1_000)
      expect(answers).not.toContain('done')
    }
    await until(() => pool.totalCount === pool.idleCount, 'no connection to be left')
    expect(await ask(world.url('nrt'), "select 1 from users where name = 'Released'")).toEqual([])
    client.release()
  })

  test('released twice, and used after the release: pg’s errors', async () => {
    client.release()
    expect(() => client.release()).toThrow('already been released')
    await expect(client.query('select 1')).rejects.toThrow('not queryable')
  })

  test('callbacks', async () => {
    const rows = await new Promise((resolve, reject) => {
      client.query('select $1::int as n', [7], (error, result) => (error ? reject(error) : resolve(result.rows)))
    })
    expect(rows).toEqual([{ n: 7 }])
    client.release()
  })

  test('type parsers set on the client are its own', async () => {
    client.setTypeParser(23, (value) => `int:${value}`)
    expect((await client.query('select 1::int4 as n')).rows).toEqual([{ n: 'int:1' }])
    expect((await pool.query('select 1::int4 as n')).rows).toEqual([{ n: 1 }])
    client.release()
  })
})

describe('a transaction whose replica dies', () => {
  test('a read-only one begins again, unseen', async () => {
    await pool.refresh()
    await client.query('begin read only')
    expect(await by('select 1')).toBe('ord transaction')
    await killBackends('ord')
    await pool.refresh()
    expect(await by('select count(*) from users')).toBe('ord transaction')
    await client.query('commit')
    client.release()
  })

  test('one with a snapshot of its own cannot move, and says so', async () => {
    await client.query('begin isolation level repeatable read read only')
    expect(await by('select 1')).toBe('ord transaction')
    await killBackends('ord')
    await expect(client.query('select 1')).rejects.toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
    await expect(client.query('select 1')).rejects.toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
    client.release()
  })

  test('a pinned client says what was lost, and does not go on elsewhere', async () => {
    client.on('error', () => undefined)
    await client.query("set app.who = 'ada'")
    await killBackends('nrt')
    await expect(client.query('select 1')).rejects.toMatchObject({ code: /NEAREST_CONNECTION_LOST|08007/ })
    client.release()
    // What was lost may have written, so that the replica must show what the primary has by then, and the pool must know.
    client = await pool.connect()
    await until(async () => (await by('select 1')) === 'ord own-region', 'the replica to be known to show it')
    client.release()
  })
})

async function killBackends(region: string): Promise<void> {
  const killed = await ask<{ pid: number }>(
    world.url(region),
    `select pid, pg_terminate_backend(pid) from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid() and application_name <> 'pg-nearest monitor'`,
  )
  const left = `select 1 from pg_stat_activity where pid in (${killed.map(({ pid }) => pid).join()})`
  await until(async () => (await ask(world.url(region), left)).length === 0, 'its backends to end')
}

describe('transaction()', () => {
  test('commits on the primary and returns what the work returns', async () => {
    const name = await pool.transaction(async (tx) => {
      const { rows, servedBy } = await tx.query("insert into users (name) values ('Tx') returning name")
      expect(servedBy).toMatchObject({ server: 'nrt', reason: 'transaction' })
      return String(rows[0]?.['name'])
    })
    expect(name).toBe('Tx')
    expect(await ask(world.url('nrt'), "delete from users where name = 'Tx' returning name")).toEqual([{ name: 'Tx' }])
    await caughtUp(world, pool)
  })

  test('rolls back what throws, and passes the error on', async () => {
    const mistake = new Error('changed my mind')
    const work = pool.transaction(async (tx) => {
      await tx.query("insert into users (name) values ('Undone')")
      throw mistake
    })
    await expect(work).rejects.toBe(mistake)
    expect(await ask(world.url('nrt'), "select 1 from users where name = 'Undone'")).toEqual([])
    expect(pool.totalCount - pool.idleCount).toBe(0)
  })

  test('a COMMIT that answers ROLLBACK is an error', async () => {
    const work = pool.transaction(async (tx) => {
      await tx.query("insert into users (name) values ('Half')")
      await tx.query('select 1/0').catch(() => undefined)
    })
    await expect(work).rejects.toMatchObject({ code: 'NEAREST_ROLLED_BACK' })
    expect(await ask(world.url('nrt'), "select 1 from users where name = 'Half'")).toEqual([])
  })

  test('read-only: on the replica, in one snapshot if that is asked for', async () => {
    await pool.transaction({ readOnly: true, isolationLevel: 'repeatable read' }, async (tx) => {
      const count = async (): Promise<unknown> => {
        const { rows, servedBy } = await tx.query('select count(*)::int as n from users')
        expect(servedBy).toMatchObject({ server: 'ord', role: 'replica' })
        return rows[0]?.['n']
      }
      const before = await count()
      await ask(world.url('nrt'), "insert into users (name) values ('Meanwhile')")
      await caughtUp(world, pool)
      expect(await count()).toBe(before)
    })
    await ask(world.url('nrt'), "delete from users where name = 'Meanwhile'")
  })

  test('retries: what was rolled back for no fault of its own is run again, and nothing twice', async () => {
    await ask(
      world.url('nrt'),
      'create table counts (id int primary key, n int not null); insert into counts values (1, 0)',
    )
    let tries = 0
    const add = (retries: number): Promise<unknown> =>
      pool.transaction({ isolationLevel: 'serializable', retries }, async (tx) => {
        tries++
        const { rows } = await tx.query<{ n: number }>('select n from counts where id = 1')
        await tx.query('update counts set n = $1 where id = 1', [(rows[0]?.n ?? 0) + 1])
      })
    await Promise.all(Array.from({ length: 5 }, () => add(100)))
    expect(await ask(world.url('nrt'), 'select n from counts')).toEqual([{ n: 5 }])
    expect(tries).toBeGreaterThan(5)
    const without = await Promise.allSettled([add(0), add(0)])
    expect(without).toContainEqual({ status: 'rejected', reason: expect.objectContaining({ code: '40001' }) as Error })
    await ask(world.url('nrt'), 'drop table counts')
    await caughtUp(world, pool)
  })

  test('retries: a mistake of the work is not run again, and a wrong number is said', async () => {
    let tries = 0
    const mistake = pool.transaction({ retries: 5 }, async (tx) => {
      tries++
      await tx.query('select 1 / 0')
    })
    await expect(mistake).rejects.toMatchObject({ code: '22012' })
    expect(tries).toBe(1)
    const wrong = pool.transaction({ retries: -1 }, () => undefined)
    await expect(wrong).rejects.toMatchObject({ code: 'NEAREST_BAD_OPTION', option: 'retries' })
  })

  test('a wrong isolation level is said before anything is sent', async () => {
    // @ts-expect-error -- what JavaScript callers may do
    const work = pool.transaction({ isolationLevel: 'sometimes' }, () => undefined)
    await expect(work).rejects.toMatchObject({ code: 'NEAREST_BAD_OPTION', option: 'isolationLevel' })
  })

  test('options that are none, and a function before them, are refused', async () => {
    const anyhow = (...args: readonly unknown[]): Promise<unknown> =>
      Reflect.apply(pool.transaction, pool, args) as Promise<unknown>
    const write = (tx: Transaction) => tx.query("insert into users (name) values ('Nobody')")
    for (const [options, option] of [
      [null, 'options'],
      ['serializable', 'options'],
      [{ readOnly: 'yes' }, 'readOnly'],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(anyhow(options, write)).rejects.toMatchObject({ code: 'NEAREST_BAD_OPTION', option })
    }
    const swapped = anyhow(write, { readOnly: true })
    await expect(swapped).rejects.toThrow(TypeError)
    await expect(swapped).rejects.toThrow('transaction({ readOnly: true }, async (tx) => …)')
    expect(await ask(world.url('nrt'), "select from users where name = 'Nobody'")).toEqual([])
  })

  test('a mistyped option is no option', async () => {
    // @ts-expect-error -- what JavaScript callers may do
    const work = pool.transaction({ readonly: true }, () => undefined)
    await expect(work).rejects.toMatchObject({
      code: 'NEAREST_BAD_OPTION',
      message: expect.stringContaining('Did you mean readOnly?'),
    })
    // @ts-expect-error -- as above
    expect(() => pool.session({ bookmrk: 'x' })).toThrow('Did you mean bookmark?')
    // @ts-expect-error -- what a store returns for what it does not have
    expect(pool.session(null).bookmark()).toBeUndefined()
  })
})

test('what stands behind a statement that is lost with its connection was not run, and is told so', async () => {
  await client.query("set app.who = 'ada'")
  const slow = "insert into users (name) select 'Lost' from pg_sleep(5)"
  const ended = Promise.allSettled([client.query(slow), client.query("insert into users (name) values ('Behind')")])
  const kill = `select pg_terminate_backend(pid) from pg_stat_activity where query = '${slow.replaceAll("'", "''")}'`
  await until(async () => (await ask(world.url('nrt'), kill)).length > 0, 'the statement to run')
  expect(await ended).toMatchObject([{ reason: { code: '08007' } }, { reason: { code: 'NEAREST_CONNECTION_LOST' } }])
  expect(await ask(world.url('nrt'), "select 1 from users where name = 'Behind'")).toEqual([])
  client.release()
})
