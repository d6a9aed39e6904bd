import { setTimeout as sleep } from 'node:timers/promises'
import { finished } from 'node:stream/promises'
import { from } from 'pg-copy-streams'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { RoutedClient } from '../../src/index.ts'
import { ask, caughtUp, healthOf, until } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** What waits for a connection, or for a primary, ends with its client, as what runs on one does. */
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
    { what: 'a read that is known to be quick', ahead: [], text: 'select 1', known: true },
    { what: 'a write', ahead: [], text: 'create table passing ()' },
    { what: 'the first statement of a transaction', ahead: ['begin'], text: 'create table passing ()' },
    { what: 'BEGIN READ ONLY', ahead: [], text: 'begin read only' },
  ])('$what is rejected at once by release(true), and never runs', async ({ ahead, text, known }) => {
    const pool = await pools.start({ ...world.poolOptions('ord'), max: 1, lanes })
    if (known === true) for (let i = 0; i < 5; i++) await pool.query(text)
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

describe.each([false, true])('where nobody takes writes, with lanes: %s', (lanes) => {
  const READ = 'select count(*)::int as n from notes'
  const write = { text: "insert into notes values ('too late')" }
  const waits: readonly [string, readonly string[], (client: RoutedClient) => Promise<unknown>][] = [
    ['a write', [], (client) => client.query(write)],
    ['a read of the primary', [], (client) => client.query({ text: READ, route: 'primary' })],
    ['a strong read', [], (client) => client.query({ text: READ, consistency: 'strong' })],
    ['the first statement of a transaction', ['begin'], (client) => client.query(write)],
    ['a prepared statement behind BEGIN', ['begin'], (client) => client.query({ ...write, name: 'late' })],
    ['what needs one connection', [], (client) => client.query('create temporary table mine ()')],
    ['a stream', [], (client) => finished(client.query(new QueryStream(`${write.text} returning *`)).resume())],
    ['a COPY', [], (client) => finished(client.query(from('copy notes from stdin')))],
  ]

  beforeAll(async () => {
    await ask(world.url('nrt'), 'create table if not exists notes (text text)')
    await caughtUp(world)
  })

  test.each(waits)('%s is rejected at once by release(true), and never runs', async (_what, ahead, give) => {
    const pool = await pools.start({ ...world.poolOptions('ord'), lanes })
    await world.kill('nrt')
    let given: Promise<unknown>
    try {
      await until(() => healthOf(pool.status(), 'nrt') === 'down', 'nrt to be down')
      const client = await pool.connect()
      for (const each of ahead) await client.query(each)
      given = give(client)
      const rejected = rejectionOf(given, 'it', HELD_MS)
      await sleep(300)
      client.release(true)
      const releasedAt = performance.now()
      expect(await rejected).toMatchObject({ message: 'Connection terminated' })
      expect(performance.now() - releasedAt).toBeLessThan(AT_ONCE_MS)
    } finally {
      await world.start('nrt')
    }
    await until(async () => (await pool.refresh()).servers.some(({ writeTo }) => writeTo), 'nrt to be up')
    await pool.primary.query("insert into notes values ('in time')")
    await sleep(200)
    expect((await pool.primary.query('select distinct text from notes')).rows).toEqual([{ text: 'in time' }])
    expect(pool.waitingCount).toBe(0)
    await settled(pool.end(), 'the end')
  })
})
