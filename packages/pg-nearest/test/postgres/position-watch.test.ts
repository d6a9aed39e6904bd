import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPositionWatch } from '../../src/positions/position-watch.ts'
import { parseLsn } from '../../src/topology/lsn.ts'
import { ask, caughtUp } from './fixtures.ts'

let world: World
let client: pg.Client
let questions = 0
let atOnce = 0
let mostAtOnce = 0

const watch = createPositionWatch({
  async ask() {
    questions++
    mostAtOnce = Math.max(mostAtOnce, ++atOnce)
    const { rows } = await client.query<{ lsn: string }>('select pg_last_wal_replay_lsn()::text as lsn')
    atOnce--
    return parseLsn(rows[0]?.lsn)
  },
})

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 2 })
  await ask(world.url('nrt'), 'create table t (n int)')
  await caughtUp(world)
  client = new pg.Client({ connectionString: world.url('ord') })
  await client.connect()
})
afterAll(async () => {
  await client?.end()
  await world?.stop()
})

async function written(): Promise<bigint> {
  await ask(world.url('nrt'), 'insert into t values (1)')
  const [row] = await ask<{ lsn: string }>(world.url('nrt'), 'select pg_current_wal_flush_lsn()::text as lsn')
  return parseLsn(row?.lsn) ?? 0n
}

test('1,000 wait for a replica: one question at a time, and all go on when it is there', async () => {
  await world.pauseReplay('ord')
  const targets: bigint[] = []
  for (let i = 0; i < 10; i++) targets.push(await written())
  let resumedAt = 0
  const released: { reached: boolean; at: number }[] = []
  const waiting = Array.from({ length: 1_000 }, async (_, i) => {
    const reached = await watch.reached('ord', targets[i % targets.length] ?? 0n, 10_000)
    released.push({ reached, at: performance.now() })
  })
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(released).toEqual([])
  resumedAt = performance.now()
  await world.resumeReplay('ord')
  await Promise.all(waiting)
  const there = released.map(({ at }) => at)
  expect(released.every(({ reached }) => reached)).toBe(true)
  expect(mostAtOnce).toBe(1)
  // Between the first to be released and the last; the replay itself takes its time before.
  expect(Math.max(...there) - Math.min(...there)).toBeLessThan(20)
  expect(Math.min(...there)).toBeGreaterThan(resumedAt)
  expect(questions).toBeLessThan(1_000)
})

test('whoever comes while the question is on its way is not forgotten', async () => {
  for (let round = 0; round < 200; round++) {
    const lsn = await (round % 20 === 0 ? written() : Promise.resolve(1n))
    const waits = [watch.reached('ord', lsn, 5_000)]
    await new Promise((resolve) => setImmediate(resolve))
    waits.push(watch.reached('ord', lsn, 5_000))
    await Promise.resolve()
    waits.push(watch.reached('ord', lsn, 5_000))
    expect(await Promise.all(waits)).toEqual([true, true, true])
  }
})

test('after the time-outs nothing is left: no timer, no loop', async () => {
  await world.pauseReplay('ord')
  const lsn = await written()
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  const start = performance.now()
  const reached = await Promise.all(Array.from({ length: 1_000 }, () => watch.reached('ord', lsn, 50)))
  expect(performance.now() - start).toBeLessThan(500)
  expect(reached.includes(true)).toBe(false)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(timers()).toBeLessThanOrEqual(before)
  const asked = questions
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(questions).toBe(asked)
  await world.resumeReplay('ord')
})

test('a server that fails releases all, unreached', async () => {
  const failing = createPositionWatch({ ask: () => Promise.reject(new Error('gone')) })
  expect(await Promise.all([failing.reached('a', 1n, 5_000), failing.reached('b', 1n, 5_000)])).toEqual([false, false])
})
