import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isOutcomeUnknownError, type NearestPool, type NearestPoolOptions } from '../../src/index.ts'
import { administer, ask, until, withUsers } from './fixtures.ts'
import { pgbouncer, startBouncer, type PoolMode } from './pgbouncer-rig.ts'
import { TestPools } from './test-pools.ts'
import { startUntellingWay, type UntellingWay } from './untelling-way.ts'

/** Connections that do not tell whether their server is in recovery, ahead of the probe that would. */

let world: World
let way: UntellingWay
const pools = new TestPools()

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'] })
  await withUsers(world)
})
afterAll(() => world?.stop())
beforeEach(async () => {
  way = await startUntellingWay(world.url('nrt'))
  await administer(world, 'ord', 'select pg_wal_replay_pause()')
})
afterEach(async () => {
  await administer(world, 'ord', 'select pg_wal_replay_resume()')
  await pools.destroyAll()
  await way[Symbol.asyncDispose]()
})

/** Statements on the way are answered, and probes are not. */
const STATEMENT = 'from users'
const NAMES = `select name ${STATEMENT} where name = $1`
const strong = (name: string) => ({ text: NAMES, values: [name], consistency: 'strong' as const })

/** From now on a name of the primary leads to a standby that has nothing more of what is written, and no probe tells. */
async function leadAstray(...open: readonly NearestPool[]): Promise<void> {
  way.holdWithout(STATEMENT)
  way.leadTo(world.url('ord'))
  // One that is being made tells a moment later that it is gone.
  await sleep(50)
  const total = (pool: NearestPool): number =>
    pool.status().servers.find(({ name }) => name === 'nrt')?.connections.total ?? 0
  await until(() => open.every((pool) => total(pool) === 0), 'the pools to know that their connections are gone')
}

function start(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  return pools.start({
    region: 'nrt',
    primary: { region: 'nrt', url: way.url },
    replicas: { syd: world.url('syd') },
    probeIntervalMs: 60_000,
    failoverTimeoutMs: 300,
    ...options,
  })
}

/**
 * The row, or that nobody was found to show it; never what the standby shows. A bouncer that has not heard yet that its server's connection is gone
 * loses what it sends there.
 */
async function expectNoLie(read: Promise<pg.QueryResult>, row: object): Promise<void> {
  const end = await read.catch((error: unknown) => error)
  if (isOutcomeUnknownError(end)) expect(end.cause).toBeInstanceOf(Error)
  else if (end instanceof Error) expect(end).toMatchObject({ code: 'NEAREST_NO_SERVER' })
  else expect((end as pg.QueryResult).rows).toEqual([row])
}

test('a strong read at the start, from a standby that is listed as the primary', async () => {
  await ask(world.url('nrt'), "insert into users (name) values ('first')")
  await leadAstray()
  const pool = pools.create({
    region: 'ord',
    primary: { region: 'ord', url: way.url },
    replicas: { nrt: world.url('nrt') },
    probeIntervalMs: 60_000,
    failoverTimeoutMs: 300,
  })
  pool.on('error', () => undefined)
  for (let i = 0; i < 3; i++) await expectNoLie(pool.query(strong('first')), { name: 'first' })
})

test('a session that needs nothing yet is answered by the only server, and again, before a probe has told', async () => {
  await leadAstray()
  const pool = pools.create({ primary: way.url, probeIntervalMs: 60_000 })
  pool.on('error', () => undefined)
  await pool.session(undefined, async () => {
    for (let i = 0; i < 3; i++) expect((await pool.query(NAMES, ['Ada'])).rows).toEqual([{ name: 'Ada' }])
  })
})

describe('a primary’s name that leads to a standby since', () => {
  test('strong reads', async () => {
    const pool = await start()
    await ask(world.url('nrt'), "insert into users (name) values ('strong')")
    await leadAstray(pool)
    for (let i = 0; i < 3; i++) await expectNoLie(pool.query(strong('strong')), { name: 'strong' })
  })

  test('a session’s reads of what it has written', async () => {
    const pool = await start()
    await pool.session(undefined, async () => {
      await pool.query("insert into users (name) values ('written')")
      await leadAstray(pool)
      for (let i = 0; i < 3; i++) await expectNoLie(pool.query(NAMES, ['written']), { name: 'written' })
    })
  })

  test('an error that is due to what the standby lacks', async () => {
    const pool = await start()
    await pool.session(undefined, async () => {
      await pool.query('create table late (name text, n int)')
      await leadAstray(pool)
      const read = pool.query(`select count(*)::int as n ${STATEMENT} natural left join late where late.n = 1`)
      await expectNoLie(read, { n: 0 })
    })
  })
})

describe.skipIf(pgbouncer === undefined).each<PoolMode>(['transaction', 'session'])(
  'behind PgBouncer in %s mode, whose primary is a standby since',
  (mode) => {
    /** The only bouncer, with a pool that reads from the primary. */
    async function startBehind(): Promise<{ readonly pool: NearestPool } & AsyncDisposable> {
      const bouncers = await startBouncer('nrt', way.url, mode)
      const pool = await start({ primary: bouncers.poolOptions('nrt').primary })
      return { pool, [Symbol.asyncDispose]: () => bouncers[Symbol.asyncDispose]() }
    }

    test('a session’s reads', async () => {
      await using behind = await startBehind()
      const { pool } = behind
      const name = `${mode} in a session`
      await pool.session(undefined, async () => {
        await pool.query('insert into users (name) values ($1)', [name])
        await leadAstray()
        for (let i = 0; i < 3; i++) {
          await expectNoLie(pool.query(NAMES, [name]), { name })
          await expectNoLie(pool.query(strong(name)), { name })
        }
      })
    })

    test('strong reads of a process that reads there anyway', async () => {
      await using behind = await startBehind()
      const { pool } = behind
      const name = `${mode} of a process`
      for (let i = 0; i < 3; i++) expect((await pool.query(strong(name))).rows).toEqual([])
      await ask(world.url('nrt'), `insert into users (name) values ('${name}')`)
      await leadAstray()
      for (let i = 0; i < 3; i++) await expectNoLie(pool.query(strong(name)), { name })
    })
  },
)
