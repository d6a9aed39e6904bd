import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { ask, caughtUp, withUsers } from './fixtures.ts'
import { running, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** A server that is silent is given up also while it leaves the list. */
const GIVEN_UP_MS = 4_000

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
  await ask(
    world.url('nrt'),
    'create view slow_on_a_replica as select pg_sleep(case when pg_is_in_recovery() then 30 else 0 end)::text as slept',
  )
  await caughtUp(world)
})
afterAll(() => world.stop())
afterEach(async () => {
  world.heal('nrt', 'ord')
  await pools.destroyAll()
})

const LIMITS = { probeTimeoutMs: 300, silenceTimeoutMs: 600 }

/** An app beside one server. */
async function appIn(region: 'nrt' | 'ord'): Promise<NearestPool> {
  const urlOf = (of: string): string => world.url(of, { from: region })
  const pool = await pools.start({
    region: 'ord',
    primary: { region: 'nrt', url: urlOf('nrt') },
    replicas: { ord: urlOf('ord') },
    ...LIMITS,
  })
  await pool.refresh()
  return pool
}

test('its reads go elsewhere', async () => {
  const pool = await appIn('nrt')
  const slow = 'select slept from slow_on_a_replica'
  const read = pool.query(slow)
  await running(world.url('ord'), slow)
  world.partition('nrt', 'ord')
  pool.setServers({ primary: { region: 'nrt', url: world.url('nrt', { from: 'nrt' }) } })
  expect((await settled(read, 'the read', GIVEN_UP_MS)).servedBy.server).toBe('nrt')
})

describe('what cannot', () => {
  test.each([
    ['', 'alone', (pool: NearestPool): Promise<unknown> => pool.refresh()],
    [', and so does the end of the pool', 'ended', (pool: NearestPool): Promise<unknown> => pool.end()],
  ])('ends%s', async (_, name, end) => {
    const pool = await appIn('ord')
    const slow = `select pg_sleep(30)::text as ${name}`
    const transaction = pool.transaction((tx) => tx.query(slow))
    transaction.catch(() => undefined)
    await running(world.url('nrt'), slow)
    world.partition('nrt', 'ord')
    pool.setServers({ primary: { region: 'ord', url: world.url('ord', { from: 'ord' }) } })
    const ended = end(pool)
    await expect(settled(transaction, 'the transaction', GIVEN_UP_MS)).rejects.toThrow(/connection|lost|silent/i)
    await settled(ended, 'the end', GIVEN_UP_MS)
  })

  test('ends also where it was the only server', async () => {
    const pool = await pools.start({ primary: world.url('nrt', { from: 'ord' }), ...LIMITS })
    const slow = 'select pg_sleep(30)::text as lone'
    const transaction = pool.transaction((tx) => tx.query(slow))
    transaction.catch(() => undefined)
    await running(world.url('nrt'), slow)
    world.partition('nrt', 'ord')
    pool.setServers({
      primary: { region: 'nrt', url: world.url('nrt') },
      replicas: { ord: world.url('ord', { from: 'ord' }) },
    })
    await expect(settled(transaction, 'the transaction', GIVEN_UP_MS)).rejects.toThrow(/connection|lost|silent/i)
  })
})
