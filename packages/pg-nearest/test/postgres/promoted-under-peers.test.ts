import { startWorld } from 'pg-nearest-world'
import { afterEach, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { administer, ask, caughtUp } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/**
 * A replica is promoted before anybody has noticed, and a function that a pool calls there writes. Another pool of the process, which reads
 * elsewhere, shows it.
 */

const pools = new TestPools()
afterEach(() => pools.destroyAll())

test.each<[string, (pool: NearestPool) => Pick<NearestPool, 'query'>]>([
  ['outside of a session', (pool) => pool],
  ['in a session', (pool) => pool.session()],
])('%s', async (_, handleOf) => {
  await using world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'ams'],
    rtt: { 'ord-ams': 30, 'ord-nrt': 60, 'ams-nrt': 60 },
  })
  await ask(
    world.url('nrt'),
    `create table items (n int);
     create function put(n int) returns int language plpgsql volatile as $$
       begin
         if not pg_is_in_recovery() then insert into items values (n); end if;
         return n;
       end $$`,
  )
  await caughtUp(world)
  const { primary } = world.poolOptions('ord')
  const replicas = { ord: world.url('ord'), ams: world.url('ams') }
  // Nobody asks ord while it is promoted.
  const start = (region: string) => pools.start({ primary, replicas, region, probeIntervalMs: 30_000, max: 3 })
  const [inOrd, inAms] = [await start('ord'), await start('ams')]
  const put = async () => (await handleOf(inOrd).query('select put(7) as n')).servedBy.server
  const look = async () => (await inAms.query({ text: 'select n from items', timeoutMs: 8_000 })).rows
  for (let i = 0; i < 4; i++) await put()
  for (let i = 0; i < 4; i++) await look()
  await world.kill('nrt')
  await administer(world, 'ord', 'select pg_promote()')
  expect(await put()).toBe('ord')
  expect(await ask(world.url('ord'), 'select n from items')).toEqual([{ n: 7 }])
  await inAms.refresh()
  expect(await look()).toEqual([{ n: 7 }])
})
