import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { createPositionWatch } from '../../src/positions/position-watch.ts'
import type { Probe } from '../../src/probe/probe.ts'
import { parseLsn } from '../../src/topology/lsn.ts'
import { directProbe } from './direct-probe.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { startServerOf19, type ServerOf19, type WaitAnswer } from './server-of-19.ts'

let world: World
let replica: ServerOf19
const pools: NearestPool[] = []
const probes: Probe[] = []

beforeAll(async () => {
  // Far enough for a read to wait for the replica: a small part of the way to the primary.
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 60 })
  await ask(world.url('nrt'), 'create table t (n int)')
  await caughtUp(world)
  replica = await startServerOf19(world.url('ord'))
})
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.destroy()))
  for (const probe of probes.splice(0)) probe.close()
  replica.lateMs = 0
  await world.resumeReplay('ord')
  await caughtUp(world)
})
afterAll(async () => {
  await replica?.stop()
  await world?.stop()
})

const waits = (): string[] => replica.seen.filter((text) => text.startsWith('WAIT'))

async function begin(answer: WaitAnswer): Promise<void> {
  await world.pauseReplay('ord')
  replica.answer = answer
  replica.seen.length = 0
}

/** A read right behind its session's write, while the replica shows nothing new. */
async function readBehindWrite(pool: NearestPool): Promise<unknown> {
  const session = pool.session()
  await session.query('delete from t')
  await session.query('insert into t values (7)')
  const { rows, servedBy } = await session.query('select n from t')
  return { rows, server: servedBy.server }
}

function poolWith(waitForLsn?: boolean): NearestPool {
  const options = world.poolOptions('ord')
  const pool = createPool({ ...options, replicas: { ord: replica.url }, waitForLsn, probeIntervalMs: 10_000 })
  pools.push(pool)
  return pool
}

test.each<WaitAnswer>(['truth', 'success', 'timeout', 'not in recovery', 'unknown'])(
  'it says "%s": the read shows its session’s write, from the primary, and no wait is without an end',
  async (answer) => {
    const pool = poolWith()
    await pool.refresh()
    expect(pool.status().servers.find(({ name }) => name === 'ord')?.version).toBe('19.0')
    await begin(answer)
    // While the way to the replica seems as long as that to the primary, nothing is waited for. On a busy machine a single probe may
    // say so, and the next comes only in ten seconds.
    await until(async () => {
      await pool.refresh()
      expect(await readBehindWrite(pool)).toEqual({ rows: [{ n: 7 }], server: 'nrt' })
      return waits().length > 0
    }, 'a wait')
    for (const text of waits())
      expect(text).toMatch(/^WAIT FOR LSN '0\/[0-9A-F]+' WITH \(TIMEOUT '(?:[1-9]|1\d|20)ms', NO_THROW\)$/)
    if (answer !== 'unknown') return
    // It has said so on this connection.
    expect(await readBehindWrite(pool)).toEqual({ rows: [{ n: 7 }], server: 'nrt' })
    expect(waits()).toHaveLength(1)
  },
)

test('waitForLsn: false', async () => {
  const pool = poolWith(false)
  await pool.refresh()
  await begin('truth')
  expect(await readBehindWrite(pool)).toEqual({ rows: [{ n: 7 }], server: 'nrt' })
  expect(waits()).toEqual([])
})

function probeOf19(): Probe {
  const probe = directProbe(replica.url, { waitForLsn: true })
  probes.push(probe)
  return probe
}

/** Not shown by the replica while its replay is paused. */
async function written(): Promise<bigint> {
  await ask(world.url('nrt'), 'insert into t values (1)')
  const [row] = await ask<{ lsn: string }>(world.url('nrt'), 'select pg_current_wal_flush_lsn()::text as lsn')
  return parseLsn(row?.lsn) ?? 0n
}

test('it is waited for until it is there', async () => {
  const probe = probeOf19()
  await probe.ask()
  await begin('truth')
  const lsn = await written()
  const watch = createPositionWatch({ ask: async (_, awaited) => (await probe.position(awaited))?.lsn })
  const reached = watch.reached('ord', lsn, 20_000)
  expect(await watch.reached('ord', lsn, 50)).toBe(false)
  await until(() => replica.seen.includes('timeout'), 'the end of a wait')
  await world.resumeReplay('ord')
  expect(await reached).toBe(true)
  watch.stop()
})

test('the time of a probe tells the distance, without what is waited', async () => {
  const probe = probeOf19()
  await probe.ask()
  await begin('truth')
  replica.lateMs = 500
  const position = probe.position({ lsn: await written(), withinMs: 1_000 })
  const [, { rttMs }] = await Promise.all([position, probe.ask()])
  expect(replica.seen).toEqual([expect.stringMatching(/^WAIT .*TIMEOUT '20ms'/), 'timeout'])
  expect(rttMs).toBeLessThan(500)
})
