import { startWorld } from 'pg-nearest-world'
import { afterEach, expect, test } from 'vitest'
import { administer, ask, caughtUp, until } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/**
 * A replica that lacks what a session has written is promoted while a connection to it is being made ready: ahead of the session's first read
 * there it introduces itself as a primary.
 */

const pools = new TestPools()
afterEach(() => pools.destroyAll())

test.each([true, false])('what it lacks is read elsewhere, or told to be lost, with lanes: %s', async (lanes) => {
  await using world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'ams'],
    rtt: { 'ord-ams': 1, 'ord-nrt': 20, 'ams-nrt': 400 },
  })
  await ask(world.url('nrt'), 'create table items (n int)')
  await caughtUp(world)
  let promote = async (): Promise<void> => undefined
  const pool = await pools.start({
    region: 'ord',
    primary: { region: 'nrt', url: world.url('nrt', { from: 'ams' }) },
    replicas: { ord: world.url('ord', { from: 'ams' }) },
    probeIntervalMs: 30_000,
    lanes,
    onConnect: () => promote(),
  })
  const lost: unknown[] = []
  pool.on('position-lost', (event) => lost.push(event))
  world.partition('nrt', 'ord')
  const session = pool.session()
  await session.query('insert into items values (1)')
  let promoted = false
  promote = async () => {
    promote = async () => undefined
    await administer(world, 'ord', 'select pg_promote()')
    promoted = true
  }
  const { rows } = await session.query('select n from items')
  // A busy server takes longer for it than a read waits.
  await until(() => promoted, 'the promotion')
  expect([rows, lost.length]).toEqual(rows.length > 0 ? [[{ n: 1 }], 0] : [[], 1])
})
