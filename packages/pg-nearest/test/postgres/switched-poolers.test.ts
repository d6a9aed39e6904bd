import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { administer, ask, caughtUp, until } from './fixtures.ts'
import { startNameSwitch, type NameSwitch } from './name-switch.ts'
import { pgbouncer, startBouncer, type Bouncers, type PoolMode } from './pgbouncer-rig.ts'
import { TestPools } from './test-pools.ts'

/** A pooler that led to a standby and leads to the primary now, and goes on telling new clients what the standby told it. */

const modes: readonly PoolMode[] = ['transaction', 'session']
const urlOf = (server: NearestPoolOptions['primary']): string => (server as { readonly url: string }).url

/** As often as it can. */
const EAGER = { percentile: 0.1, budget: 1 }

describe.skipIf(pgbouncer === undefined).each(modes)('behind PgBouncer in %s mode', (mode) => {
  let world: World
  let way: NameSwitch
  let bouncers: Bouncers
  const pools = new TestPools()
  beforeAll(async () => {
    world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'] })
    await ask(
      world.url('nrt'),
      `create table runs (id text not null);
       create function put_slowly(id text) returns text language plpgsql volatile as
         'begin insert into runs values (id); perform pg_sleep(0.3); return id; end'`,
    )
    await caughtUp(world)
  })
  afterAll(() => world?.stop())
  beforeEach(async () => {
    way = await startNameSwitch(world.url('ord'))
    bouncers = await startBouncer('ord', way.url, mode)
  })
  afterEach(async () => {
    await pools.destroyAll()
    await bouncers[Symbol.asyncDispose]()
    await way[Symbol.asyncDispose]()
    await ask(world.url('nrt'), 'truncate runs')
  })

  async function start(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
    const { primary } = bouncers.poolOptions('ord')
    return pools.start({
      region: 'ord',
      primary: { region: 'nrt', url: world.url('nrt') },
      replicas: { ord: urlOf(primary), syd: world.url('syd') },
      // No probe tells of it.
      probeIntervalMs: 60_000,
      ...options,
    })
  }

  /** Returns once the pooler has noticed that its connections are gone. */
  async function leadToPrimary(): Promise<void> {
    way.leadTo(world.url('nrt'))
    const ended = 'select pg_terminate_backend(pid) from pg_stat_activity where client_port is not null'
    await administer(world, 'ord', `${ended} and pid <> pg_backend_pid() and backend_type = 'client backend'`)
    const { primary } = bouncers.poolOptions('ord')
    const leadsThere = async (): Promise<boolean> => {
      const rows = await ask(urlOf(primary), 'select pg_is_in_recovery() as standby').catch(() => [])
      return rows[0]?.['standby'] === false
    }
    await until(leadsThere, 'the pooler to lead to the primary')
  }

  const runsOf = async (id: string): Promise<number> =>
    (await ask(world.url('nrt'), `select from runs where id = '${id}'`)).length

  test('a slow read that turns out to write is hedged, and runs once', async () => {
    const pool = await start({ hedge: EAGER })
    for (let i = 0; i < 60; i++) await pool.query('select 1')
    await leadToPrimary()
    const ids = Array.from({ length: 4 }, (_, i) => `${mode} ${i}`)
    const ends: unknown[] = []
    for (const id of ids) {
      ends.push(
        await pool.query('select put_slowly($1)', [id]).then(
          () => 'ended',
          (error: unknown) => error,
        ),
      )
    }
    expect(ends).toEqual(ids.map(() => 'ended'))
    expect(await Promise.all(ids.map(runsOf))).toEqual(ids.map(() => 1))
  })
})
