import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** What waits for a connection ends with its client, as what runs on one does. */
const HELD_MS = 1_200
const AT_ONCE_MS = 500

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
})
afterAll(() => world.stop())
afterEach(() => pools.destroyAll())

describe.each([false, true])('with lanes: %s', (lanes) => {
  test.each([
    { what: 'a read', ahead: [], text: 'select 1' },
    { what: 'a write', ahead: [], text: 'create table passing ()' },
    { what: 'the first statement of a transaction', ahead: ['begin'], text: 'create table passing ()' },
    { what: 'BEGIN READ ONLY', ahead: [], text: 'begin read only' },
  ])('$what is rejected at once by release(true), and never runs', async ({ ahead, text }) => {
    const pool = await pools.start({ ...world.poolOptions('ord'), max: 1, lanes })
    const holders = [pool.primary, pool].map((each) => each.query(`select pg_sleep(${HELD_MS / 1_000})`))
    await sleep(100)
    const client = await pool.connect()
    for (const each of ahead) await client.query(each)
    const waiting = rejectionOf(client.query(text), 'it', AT_ONCE_MS)
    await until(() => pool.waitingCount === 1, 'it to wait for a connection', 200)
    client.release(true)
    expect(await waiting).toMatchObject({ message: 'Connection terminated' })
    expect(pool.waitingCount).toBe(0)
    await settled(Promise.all(holders), 'those that held them')
    expect((await pool.primary.query("select to_regclass('passing') as made")).rows).toEqual([{ made: null }])
    expect((await settled(pool.query('select 1 as n'), 'the next')).rows).toEqual([{ n: 1 }])
  })
})
