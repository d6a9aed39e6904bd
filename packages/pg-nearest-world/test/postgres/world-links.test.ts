import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startWorld, type World } from 'pg-nearest-world'
import { ask, expectTimes, hangs, median, open, roundTrips, until, valueOf } from './world-support.ts'

let world: World
const clients: Client[] = []

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams'] })
  await ask(world.url('nrt'), 'create table seen (n int, at timestamptz default clock_timestamp())')
  await until(async () => (await ask<string>(world.url('ord'), `select to_regclass('seen')::text as value`)) === 'seen')
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()))
})
afterAll(() => world.stop())

async function from(a: string, b: string): Promise<Client> {
  const client = await open(world.url(b, { from: a }))
  clients.push(client)
  return client
}

/** What a server itself takes for an answer after a rest. */
const serverMs = async (region: string): Promise<number> =>
  Math.min(...(await roundTrips(await from(region, region), 10, 40)))
const now = (): number => performance.timeOrigin + performance.now()

test.each([
  ['ord', 'nrt', 128],
  ['nrt', 'ord', 128],
  ['ams', 'nrt', 220],
  ['ams', 'ord', undefined],
])('a query from %s to %s takes the round trip', async (a, b, ms) => {
  const asked = world.rtt(a, b)
  if (ms !== undefined) expect(asked).toBe(ms)
  expectTimes(await roundTrips(await from(a, b), 7), asked, await serverMs(b))
})

test('within a region there is no distance', async () => {
  expect(median(await roundTrips(await from('ord', 'ord'), 15))).toBeLessThan(3)
})

test('half of the round trip passes on the way there, and half on the way back', async () => {
  const client = await from('ams', 'nrt')
  const ways: (readonly [number, number])[] = []
  for (let i = 0; i < 7; i++) {
    const sent = now()
    const there = Number(await valueOf(client, 'select extract(epoch from clock_timestamp()) * 1000 as value'))
    ways.push([there - sent, now() - there])
  }
  expectTimes(
    ways.map(([there]) => there),
    110,
  )
  expectTimes(
    ways.map(([, back]) => back),
    110,
  )
})

test('a replica has a write one way later, and not before', async () => {
  const replica = await from('ord', 'ord')
  const lags: number[] = []
  for (let n = 1; n <= 7; n++) {
    await ask(world.url('nrt'), `insert into seen values (${n})`)
    let lag: number | null | undefined
    await until(async () => {
      const text = `select extract(epoch from clock_timestamp() - at)::float8 * 1000 as value from seen where n = ${n}`
      lag = await valueOf<number>(replica, text)
      return typeof lag === 'number'
    })
    lags.push(lag ?? Number.NaN)
  }
  expect(Math.min(...lags)).toBeGreaterThan(63)
  expect(median(lags)).toBeLessThan(64 * 1.05 + 15)
})

test('to connect takes a round trip more than to talk', async () => {
  const client = await from('ord', 'nrt')
  const start = performance.now()
  await from('ord', 'nrt')
  const connected = performance.now() - start
  const trip = median(await roundTrips(client, 5))
  // SYN; startup, whose answer asks for the password; two messages of SCRAM.
  expect(connected).toBeGreaterThan(4 * 128 - 2)
  expect(connected).toBeLessThan(5 * trip)
})

test('a new distance holds on open connections, both ways round', async () => {
  const client = await from('ord', 'nrt')
  const back = await from('nrt', 'ord')
  await client.query('select 1')
  world.setRtt('nrt', 'ord', 40)
  expect(world.rtt('ord', 'nrt')).toBe(40)
  for (const [each, server] of [
    [client, 'nrt'],
    [back, 'ord'],
  ] as const) {
    const taken = await roundTrips(each, 10)
    expectTimes(taken, 40, await serverMs(server))
  }
  world.setRtt('nrt', 'ord', 128)
})

test('jitter varies the time, and keeps the order', async () => {
  world.setRtt('ord', 'nrt', 10)
  world.setJitter('ord', 'nrt', 30)
  const client = await from('ord', 'nrt')
  const taken = await roundTrips(client, 15)
  expect(Math.min(...taken)).toBeGreaterThan(9.5)
  expect(Math.max(...taken)).toBeGreaterThan(20)
  expect(median(taken)).toBeLessThan(75)
  // Out of order, the protocol would break, or the sum be another one.
  const text = await valueOf<string>(
    client,
    `select string_agg(n::text, ',') as value from generate_series(1, 50000) n`,
  )
  expect(text).toBe(Array.from({ length: 50_000 }, (_, i) => i + 1).join(','))
  world.setJitter('ord', 'nrt', 0)
  world.setRtt('ord', 'nrt', 128)
})

test('a bound on bandwidth makes much take longer', async () => {
  world.setRtt('ord', 'nrt', 0)
  const client = await from('ord', 'nrt')
  const text = `select repeat('x', 200000) as value`
  await valueOf(client, text)
  world.setBandwidth('ord', 'nrt', 400_000)
  const start = performance.now()
  await valueOf(client, text)
  const taken = performance.now() - start
  expect(taken).toBeGreaterThan(480)
  expect(taken).toBeLessThan(650)
  world.setBandwidth('ord', 'nrt', Number.POSITIVE_INFINITY)
  expect(median(await roundTrips(client, 5))).toBeLessThan(20)
  world.setRtt('ord', 'nrt', 128)
})

test('a partition swallows everything, and what was sent arrives when it heals', async () => {
  const client = await from('ord', 'nrt')
  const replica = await from('ord', 'ord')
  world.partition('nrt', 'ord')
  const query = valueOf<number>(client, 'select 5 as value')
  const connecting = from('ord', 'nrt')
  await ask(world.url('nrt'), 'insert into seen values (100)')
  const [a, b] = await Promise.all([hangs(query, 600), hangs(connecting, 600)])
  expect([a, b]).toEqual([true, true])
  const count = (): Promise<number | undefined> =>
    valueOf<number>(replica, 'select count(*)::int as value from seen where n = 100')
  expect(await count()).toBe(0)
  // Others are not concerned.
  expect(await hangs(ask(world.url('nrt', { from: 'ams' }), 'select 1'), 5_000)).toBe(false)
  world.heal('nrt', 'ord')
  expect(await query).toBe(5)
  expect(await valueOf(await connecting, 'select 6 as value')).toBe(6)
  await until(async () => (await count()) === 1, 2_000)
})

test('replication comes back after a partition that outlives its time-outs', async () => {
  world.partition('nrt', 'ord')
  await sleep(7_000)
  await ask(world.url('nrt'), 'insert into seen values (200)')
  world.heal('nrt', 'ord')
  const text = 'select exists (select from seen where n = 200) as value'
  expect(await until(async () => (await ask(world.url('ord'), text)) === true)).toBeLessThan(3_000)
})
