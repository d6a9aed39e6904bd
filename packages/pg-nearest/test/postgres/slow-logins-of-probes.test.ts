import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NearestPool, RoutedClient } from '../../src/index.ts'
import { ask } from './fixtures.ts'
import { within } from './settling.ts'
import { TestPools } from './test-pools.ts'

const OPEN = 4
/** After that long the probe gives up its own new connection. */
const TIMEOUT_MS = 1_500
/** The default. */
const PROBE_TIMEOUT_MS = 1_200
/** Until the next probe, and until the pool looks after its connections. */
const NOTICE_MS = 1_000
const LONG_MS = 3 * TIMEOUT_MS

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
})
afterEach(async () => {
  world.heal('nrt', 'ord')
  await pools.destroyAll()
})
afterAll(() => world?.stop())

/** The pool's option `stream`. Once it is closed, no new connection gets anywhere; those that are open go on. */
class Gate {
  closed = false
  readonly sockets: Socket[] = []

  readonly stream = (): Socket => {
    const socket = new Socket()
    const { connect } = socket
    this.sockets.push(socket)
    socket.connect = (...args: never[]): Socket => (this.closed ? socket : Reflect.apply(connect, socket, args))
    return socket
  }
}

/** As behind a NAT that has forgotten it: nothing comes in any more, and nobody says so. */
function mute(socket: Socket): void {
  const { _handle: handle } = socket as unknown as { readonly _handle: { readStop(): void } }
  handle.readStop()
}

async function poolBehind({ stream }: Gate, region = 'nrt'): Promise<NearestPool> {
  const pool = await pools.start({
    ...world.poolOptions(region),
    stream,
    max: OPEN,
    min: 0,
    connectTimeoutMs: TIMEOUT_MS,
    idleTimeoutMillis: 0,
  })
  const clients = await Promise.all(Array.from({ length: OPEN }, () => pool.connect()))
  for (const client of clients) {
    await client.query('begin')
    // Wherever the pool is, the primary answers that.
    await client.query('select pg_current_xact_id()')
  }
  for (const client of clients) {
    await client.query('commit')
    client.release()
  }
  return pool
}

/** The monitor's connections end, so that it must make new ones. */
async function cutProbes(): Promise<void> {
  await ask(
    world.url('nrt'),
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pg-nearest monitor'",
  )
}

async function pidOf(client: RoutedClient): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]?.pid
}

async function pidsOf(pool: NearestPool): Promise<(number | undefined)[]> {
  const clients = await Promise.all(Array.from({ length: OPEN }, () => pool.connect()))
  const pids = await Promise.all(clients.map(pidOf))
  for (const client of clients) client.release()
  return pids.toSorted((a = 0, b = 0) => a - b)
}

test('idle connections stay open where the probe cannot make its own', async () => {
  const gate = new Gate()
  const pool = await poolBehind(gate)
  const before = await pidsOf(pool)
  gate.closed = true
  await cutProbes()
  await sleep(LONG_MS)
  expect(await within(1_000, 'those that were open', pidsOf(pool))).toEqual(before)
})

test('and so do those that are all in use', async () => {
  const gate = new Gate()
  const pool = await poolBehind(gate)
  const before = await pidsOf(pool)
  gate.closed = true
  await cutProbes()
  const end = performance.now() + LONG_MS
  const work = async (): Promise<void> => {
    while (performance.now() < end) await pool.query({ text: 'select pg_sleep(0.05)', consistency: 'strong' })
  }
  await Promise.all(Array.from({ length: 2 * OPEN }, work))
  expect(await within(1_000, 'those that were open', pidsOf(pool))).toEqual(before)
})

test('one of them that was cut unnoticed says nothing of the others, and is found out', async () => {
  const gate = new Gate()
  const pool = await poolBehind(gate)
  const before = await pidsOf(pool)
  const counts = gate.sockets.map(({ bytesRead }) => bytesRead)
  // The one that is taken next.
  await pool.query({ text: `select '${'x'.repeat(10_000)}'` })
  const latest = gate.sockets.filter(({ bytesRead }, i) => bytesRead - (counts[i] ?? 0) > 10_000)
  expect(latest).toHaveLength(1)
  gate.closed = true
  await cutProbes()
  latest.forEach(mute)
  await sleep(LONG_MS)
  const clients = await within(1_000, 'those that were open', Promise.all([1, 2, 3].map(() => pool.connect())))
  const pids = await Promise.all(clients.map(pidOf))
  for (const client of clients) client.release()
  expect(before).toEqual(expect.arrayContaining(pids))
  expect(pool.totalCount).toBe(OPEN - 1)
})

test('a server that has gone dark meanwhile is given up one probe later', async () => {
  const gate = new Gate()
  const pool = await poolBehind(gate, 'ord')
  gate.closed = true
  await cutProbes()
  world.partition('nrt', 'ord')
  expect(pool.totalCount).toBe(OPEN)
  const cutAt = performance.now()
  while (pool.totalCount > 0 && performance.now() - cutAt < 2 * LONG_MS) await sleep(20)
  expect(performance.now() - cutAt).toBeLessThan(TIMEOUT_MS + PROBE_TIMEOUT_MS + NOTICE_MS)
})
