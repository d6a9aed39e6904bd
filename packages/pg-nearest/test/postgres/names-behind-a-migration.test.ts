import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, RoutedClient } from '../../src/index.ts'
import { administer, ask, caughtUp } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** A replica that has not replayed a migration refuses a statement with a name, which the primary answers a long round trip later. */

const RTT_MS = 300
const APPLICATION = 'names behind a migration'

let world: World
let pool: NearestPool
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: RTT_MS })
  pool = await pools.start({ ...world.poolOptions('ord'), application_name: APPLICATION })
})
afterAll(async () => {
  await pools.destroyAll()
  await world.stop()
})

let client: RoutedClient
beforeEach(async () => {
  await ask(world.url('nrt'), 'drop table if exists later')
  await caughtUp(world, pool)
  await world.pauseReplay('ord')
  await ask(world.url('nrt'), 'create table later as select 1 as n')
  client = await pool.connect()
})
afterEach(async () => {
  client.release()
  await world.resumeReplay('ord')
})

/** The server forgets what it had under a name. */
const takeConnections = () =>
  administer(
    world,
    'nrt',
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = '${APPLICATION}'`,
  )

const NAMED = { name: 'q', text: 'select n from later', consistency: 'eventual' } as const
/** Types ask for a text, which pg does not need. */
const ALONE = { name: 'q', consistency: 'eventual' } as unknown as typeof NAMED
const ROWS = [{ n: 1 }]

describe('a name that is given alone while the primary is asked what the replica has refused', () => {
  test('means that text, on whatever connection', async () => {
    const first = client.query(NAMED)
    await sleep(RTT_MS / 3)
    const second = client.query(ALONE)
    expect(await first).toMatchObject({ rows: ROWS, servedBy: { server: 'nrt', reason: 'schema-lag' } })
    expect(await second).toMatchObject({ rows: ROWS })
    await takeConnections()
    // The client hears of it.
    await sleep(RTT_MS)
    expect(await client.query(ALONE)).toMatchObject({ rows: ROWS })
    await world.resumeReplay('ord')
    await caughtUp(world, pool)
    expect(await client.query(ALONE)).toMatchObject({ rows: ROWS, servedBy: { server: 'ord' } })
  })

  test('and no other text may have it', async () => {
    const first = client.query(NAMED)
    await sleep(RTT_MS / 3)
    const second = client.query({ ...NAMED, text: 'select 2 as n' })
    expect(await first).toMatchObject({ rows: ROWS })
    await expect(second).rejects.toThrow("Prepared statements must be unique - 'q' was used for a different statement")
  })
})
