import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type NearestPoolOptions } from '../../src/index.ts'
import { administer, ask, caughtUp, until, withUsers } from './fixtures.ts'
import { pgbouncer, startBouncers, type Bouncers, type PoolMode } from './pgbouncer-rig.ts'
import { repeatedly } from './repeatedly.ts'

const modes: readonly PoolMode[] = ['transaction', 'session']

if (pgbouncer === undefined) console.log('Skipped: PgBouncer is not installed (Debian: apt-get install pgbouncer).')

describe.skipIf(pgbouncer === undefined).each(modes)('behind PgBouncer in %s mode', (mode) => {
  behind(mode)
})

function behind(mode: PoolMode): void {
  let world: World
  let bouncers: Bouncers
  beforeAll(async () => {
    world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 10 })
    await withUsers(world)
    bouncers = await startBouncers(world, mode)
  })
  afterAll(async () => {
    await bouncers[Symbol.asyncDispose]()
    await world.stop()
  })

  async function open(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
    const pool = createPool({ ...bouncers.poolOptions('ord'), ...options })
    pool.on('error', () => undefined)
    await caughtUp(world, pool)
    return pool
  }

  test('roles, reads and writes, with what is sent at once', async () => {
    await using pool = await open()
    expect(pool.status().servers.map(({ name, role, pipelines }) => [name, role, pipelines])).toEqual([
      ['nrt', 'primary', true],
      ['ord', 'replica', true],
      ['syd', 'replica', true],
    ])
    expect((await pool.query('select name from users')).servedBy).toMatchObject({ server: 'ord', role: 'replica' })
    const written = await pool.query("insert into users (name) values ('Barbara') returning name")
    expect(written).toMatchObject({ rows: [{ name: 'Barbara' }], servedBy: { server: 'nrt', role: 'primary' } })
    expect((await pool.query('select hit() as n')).servedBy).toMatchObject({ server: 'nrt' })
    await expect(pool.replica().query("insert into users (name) values ('No')")).rejects.toMatchObject({
      code: 'NEAREST_READ_ONLY_HANDLE',
    })
  })

  test('a pool with one database gives names to none of its writes', async () => {
    const { primary } = bouncers.poolOptions('nrt')
    await using pool = createPool({ primary, max: 2, lanes: false })
    const insert = (i: number) => pool.query('insert into users (name) values ($1)', [`${mode} unnamed ${i}`])
    for (let i = 0; i < 6; i++) await insert(i)
    await Promise.all(Array.from({ length: 6 }, (_, i) => insert(6 + i)))
    const names = "select count(*)::int as n from pg_prepared_statements where statement like 'insert into users%'"
    for (let i = 0; i < 4; i++) expect((await pool.query<{ n: number }>(names)).rows).toEqual([{ n: 0 }])
  })

  test('a session sees its own writes, again and again', async () => {
    await using pool = await open()
    for (let i = 0; i < 25; i++) {
      await pool.session(undefined, async () => {
        const name = `${mode} session ${i}`
        await pool.query('insert into users (name) values ($1)', [name])
        expect((await pool.query('select name from users where name = $1', [name])).rows).toEqual([{ name }])
      })
    }
  })

  test('transactions: awaited, at once, read-only, rolled back', async () => {
    await using pool = await open()
    const insert = 'insert into users (name) values ($1)'
    await pool.transaction(async (tx) => {
      await tx.query(insert, [`${mode} tx 1`])
      await tx.query(insert, [`${mode} tx 2`])
    })
    await pool.transaction((tx) => {
      void tx.query(insert, [`${mode} tx 3`])
      void tx.query(insert, [`${mode} tx 4`])
    })
    await expect(
      pool.transaction(async (tx) => {
        await tx.query(insert, [`${mode} tx 5`])
        throw new Error('changed my mind')
      }),
    ).rejects.toThrow('changed my mind')
    const [row] = await ask(world.url('nrt'), `select count(*)::int as n from users where name like '${mode} tx%'`)
    expect(row).toEqual({ n: 4 })
    await caughtUp(world, pool)
    const read = await pool.transaction({ readOnly: true }, (tx) => tx.query('select count(*)::int as n from users'))
    expect(read.servedBy).toMatchObject({ server: 'ord', reason: 'transaction' })
  })

  test('many callers, and nobody gets what was meant for another', async () => {
    await using pool = await open({ max: 15 })
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, i) => pool.query('select $1::int as n, pg_sleep(0.001)', [i])),
    )
    expect(answers.map(({ rows }) => (rows[0] as { n: number }).n)).toEqual(Array.from({ length: 300 }, (_, i) => i))
  })

  // In transaction mode it is set for whoever comes next.
  const inSession = mode === 'session'
  if (inSession)
    test('what is set on a borrowed client stays on it', async () => {
      await using pool = await open()
      const client = await pool.connect()
      await client.query("set work_mem = '5MB'")
      expect((await client.query('show work_mem')).rows).toEqual([{ work_mem: '5MB' }])
      client.release(true)
    })

  test('writes leave no prepared statement on its servers, though the role may not ask what tells of a pooler', async () => {
    const right = 'execute on function pg_current_wal_insert_lsn()'
    await administer(world, 'nrt', `revoke ${right} from public`)
    // Before a probe has told.
    await using pool = createPool({ ...bouncers.poolOptions('nrt'), prepare: 1 })
    const write = (name: string) => pool.query('update users set age = age + 1 where name = $1', [name])
    for (let i = 0; i < 3; i++) await Promise.all(['Ada', 'Grace', 'Edsger'].map(write))
    const names = "select count(*)::int as n from pg_prepared_statements where name like 'pg_nearest%'"
    const left = await Promise.all(Array.from({ length: 20 }, () => pool.primary.query<{ n: number }>(names)))
    expect(left.flatMap(({ rows }) => rows.map(({ n }) => n)).filter((n) => n > 0)).toEqual([])
    await administer(world, 'nrt', `grant ${right} to public`)
  })

  test('a deadline cancels on the server', async () => {
    await using pool = await open()
    await expect(pool.query({ text: "select 'bounced', pg_sleep(30)", timeoutMs: 300 })).rejects.toMatchObject({
      code: 'NEAREST_TIMEOUT',
    })
    const running = "select 1 from pg_stat_activity where query like 'select ''bounced''%' and state = 'active'"
    await until(async () => (await ask(world.url('ord'), running)).length === 0, 'it to be cancelled')
  })

  test('the replica’s bouncer dies under readers: none of them fails, and it is used again', async () => {
    await using pool = await open()
    const failures: unknown[] = []
    await using readers = repeatedly(10, () =>
      pool.query('select name from users limit 1').catch((error: unknown) => failures.push(error)),
    )
    await bouncers.kill('ord')
    await until(async () => (await pool.query('select 1')).servedBy.server !== 'ord', 'reads elsewhere')
    await bouncers.start('ord')
    await until(async () => (await pool.query('select 1')).servedBy.server === 'ord', 'reads from ord again')
    await readers.stop()
    expect(failures).toEqual([])
  })

  test('a promotion is followed, though no connection tells of it', async () => {
    // No probe notices it before the write does.
    await using pool = await open({ probeIntervalMs: 20_000 })
    await using another = await open({ probeIntervalMs: 20_000 })
    await world.promote('syd')
    const first = await another.transaction((tx) => tx.query("insert into users (name) values ('In a transaction')"))
    expect(first.servedBy).toMatchObject({ server: 'syd', role: 'primary' })
    const { servedBy } = await pool.query("insert into users (name) values ('After')")
    expect(servedBy).toMatchObject({ server: 'syd', role: 'primary' })
    expect(await ask(world.url('syd'), "select name from users where name = 'After'")).toEqual([{ name: 'After' }])
  })
}
