import { startWorld } from 'pg-nearest-world'
import { expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { startBreakingProxy } from './breaking-proxy.ts'
import { ask, caughtUp } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/**
 * A view that writes down who reads it where that is possible. Its standby is promoted before anybody has noticed: what is read next is the first
 * thing that could write there.
 */

type Handle = (pool: NearestPool) => Pick<NearestPool, 'query'>
const PARALLEL = 20

const VISITING = `
  create table visits (visitor text);
  create function visit(visitor text) returns int language plpgsql volatile as $$
    begin
      if not pg_is_in_recovery() then insert into visits values (visitor); end if;
      return 1;
    end $$`

const CASES = [true, false].flatMap((lanes) => [1, PARALLEL].map((reads) => ({ lanes, reads })))

test.each<[string, Handle, number]>([
  ['nothing through a read-only handle', (pool) => pool.replica(), 0],
  ['once for each read of the pool, wherever that was sent first', (pool) => pool, 1],
])('a view that writes, on a server that was promoted just now: %s', async (_name, handle, visits) => {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(
    world.url('nrt'),
    `${VISITING};
     ${CASES.map((_case, i) => `create view visited_${i} as select visit('${i}') as n;`).join('\n')}`,
  )
  await caughtUp(world)
  const pools = new TestPools()
  const ready = await Promise.all(
    CASES.map(async ({ lanes, reads }, i) => {
      // Nobody asks it while it is promoted.
      const pool = pools.create({ ...world.poolOptions('ord'), probeIntervalMs: 30_000, max: 3, lanes })
      pool.on('error', () => undefined)
      await pool.refresh()
      const read = async (): Promise<unknown> => handle(pool).query(`select n from visited_${i}`)
      for (let n = 0; n < 3; n++) await Promise.all(Array.from({ length: reads }, read))
      return read
    }),
  )
  await world.promote('ord')
  await Promise.all(ready.map((read, i) => Promise.allSettled(Array.from({ length: CASES[i]?.reads ?? 0 }, read))))
  await pools.destroyAll()
  const seen = await ask(
    world.url('ord'),
    'select visitor, count(*)::int as visits from visits group by 1 order by visitor',
  )
  const expected = CASES.map(({ reads }, i) => ({ visitor: String(i), visits: reads * visits }))
  expect(seen).toEqual(expected.filter((visited) => visited.visits > 0))
})

test.each([true, false])('such a view whose answer is lost is visited: once at most, with lanes: %s', async (lanes) => {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await ask(world.url('nrt'), `${VISITING}; create view visited as select visit('it') as n`)
  await caughtUp(world)
  const proxy = await startBreakingProxy(world.url('ord'))
  const pools = new TestPools()
  const { primary, region } = world.poolOptions('ord')
  const replicas = { ord: proxy.url }
  const pool = pools.create({ primary, region, replicas, probeIntervalMs: 30_000, max: 3, lanes })
  pool.on('error', () => undefined)
  await pool.refresh()
  const read = (by: string): Promise<unknown> =>
    pool.query({ text: 'select n from visited where $1::text is not null', values: [by], timeoutMs: 3_000 })
  // Others that still report a standby.
  await Promise.all([1, 2, 3].map(() => pool.query('select pg_sleep(0.1)')))
  for (let n = 0; n < 4; n++) await read('somebody')
  await world.promote('ord')
  const broken = proxy.breakNext('the lost one', ({ client }) => client.destroy())
  await Promise.allSettled([read('the lost one'), broken])
  const visits = await ask(world.url('ord'), 'select visitor from visits')
  expect(visits.length).toBeLessThanOrEqual(1)
  await pools.destroyAll()
  await proxy.stop()
})
