import { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { within } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** What a connection costs the server, whether anybody still waits for it or not. */
const COST_MS = 200
/** So two can be had at the same time, and a third one is too late. */
const TIMEOUT_MS = 500
/** So that a busy machine takes connections long before. */
const LONG_MS = 2_000
const MAX = 10
const BOUND_MS = 30_000

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt' })
})
afterAll(async () => {
  await pools.destroyAll()
  await world?.stop()
})

/**
 * The pool's option `stream`. Once it is `slow`, the server gets to one login after the other, and each that was given up takes its time, too;
 * once it is `closed`, to none; to those that are `stuck` never. Those that are `lost` do not even reach its machine.
 */
class Gate {
  slow = false
  closed = false
  lost = 0
  stuck = 0
  #freeAt = 0

  readonly stream = (): Socket => {
    const socket = new Socket()
    if (this.lost > 0) {
      this.lost--
      socket.connect = () => socket
    } else if (this.slow || this.closed || this.stuck > 0) socket.once('connect', () => this.#hold(socket))
    return socket
  }

  /** Its first message begins the login. */
  #hold(socket: Socket): void {
    const { write } = socket
    socket.write = (...args: never[]): boolean => {
      socket.write = write
      if (this.closed || this.stuck-- > 0) return true
      if (!this.slow) return Reflect.apply(write, socket, args) as boolean
      this.#freeAt = Math.max(this.#freeAt, performance.now()) + COST_MS
      globalThis.setTimeout(
        () => socket.destroyed || Reflect.apply(write, socket, args),
        this.#freeAt - performance.now(),
      )
      return true
    }
  }
}

function poolBehind({ stream }: Gate, options: object = {}): Promise<NearestPool> {
  // What the server says on the monitor's connection, which is open, is not the matter here.
  return pools.start({
    ...world.poolOptions('nrt'),
    stream,
    max: MAX,
    connectTimeoutMs: TIMEOUT_MS,
    probeIntervalMs: 10_000,
    ...options,
  })
}

/** As an app that tries again: until it has one. */
async function insistOnClient(pool: NearestPool): Promise<unknown> {
  try {
    return await pool.connect()
  } catch (error) {
    if (pool.ended) throw error
    return insistOnClient(pool)
  }
}

test('a server that takes connections slowly is not kept busy with those that nobody waits for any longer', async () => {
  const gate = new Gate()
  const pool = await poolBehind(gate)
  gate.slow = true
  const clients = Array.from({ length: MAX }, () => insistOnClient(pool))
  await within(BOUND_MS, 'all have one', Promise.all(clients))
  expect(pool.totalCount).toBe(MAX)
})

test('nobody waits longer where fewer are dialled', async () => {
  const gate = new Gate()
  const pool = await poolBehind(gate)
  // The server is there, and takes nobody new.
  const open = await pool.connect()
  gate.closed = true
  for (let round = 1; round <= 4; round++) {
    const started = performance.now()
    const clients = Array.from({ length: MAX }, () => pool.connect())
    const ends = await within(BOUND_MS, 'all', Promise.allSettled(clients))
    const waitedMs = performance.now() - started
    expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(MAX)
    expect(waitedMs, `for dials one after the other, in round ${round}`).toBeLessThan(6 * TIMEOUT_MS)
  }
  open.release()
})

/** How many of so many that want a client at once have none, and how long the others wait, the shortest first. They keep theirs. */
async function borrow(
  pool: NearestPool,
  count: number,
): Promise<{ readonly failed: number; readonly waits: number[] }> {
  const began = performance.now()
  const waits: number[] = []
  const clients = Array.from({ length: count }, async () => {
    await pool.connect()
    waits.push(performance.now() - began)
  })
  const ends = await within(BOUND_MS, 'all', Promise.allSettled(clients))
  return { failed: ends.filter(({ status }) => status === 'rejected').length, waits }
}

describe.each(['lost', 'stuck'] as const)('dials that are %s', (what) => {
  test('are nobody’s loss but of those that wait for them', async () => {
    const gate = new Gate()
    const pool = await poolBehind(gate, { connectTimeoutMs: LONG_MS })
    await pool.connect()
    gate[what] = 2
    const { failed, waits } = await borrow(pool, 6)
    expect(failed).toBeLessThanOrEqual(2)
    expect(waits[3]).toBeLessThan(LONG_MS / 2)
    expect(waits.at(-1)).toBeLessThan(2 * LONG_MS)
  })

  test('hold up nobody who comes later', async () => {
    const gate = new Gate()
    const pool = await poolBehind(gate, { connectTimeoutMs: LONG_MS })
    await pool.connect()
    gate[what] = 1
    await pool.connect().catch(() => {})
    gate[what] = 1
    const stuck = pool.connect().catch(() => {})
    await setTimeout(LONG_MS / 10)
    const { failed, waits } = await borrow(pool, 5)
    expect(failed).toBe(0)
    // One waits for what came to nothing.
    expect(waits[3]).toBeLessThan(LONG_MS / 2)
    expect(waits[4]).toBeLessThan(LONG_MS)
    await stuck
  })

  test('do not answer those who have come since', async () => {
    const gate = new Gate()
    const pool = await poolBehind(gate, { connectTimeoutMs: LONG_MS })
    await pool.connect()
    gate[what] = 1
    const controller = new AbortController()
    const first = pool.query({ text: 'select 1', route: 'primary', signal: controller.signal }).catch(() => {})
    controller.abort()
    await first
    await setTimeout(0.9 * LONG_MS)
    gate.slow = true
    expect(await borrow(pool, 1)).toMatchObject({ failed: 0 })
  })
})

/** The server was late with some at once, so that few may be dialled at the same time. */
async function untilFewAreDialled(gate: Gate, pool: NearestPool): Promise<void> {
  gate.closed = true
  for (const count of [4, 2]) expect((await borrow(pool, count)).failed).toBe(count)
  gate.closed = false
}

test('hooks of the user’s hold up nobody but those that wait for them', async () => {
  const gate = new Gate()
  const verify = (_client: unknown, done: (error?: Error) => void): unknown =>
    globalThis.setTimeout(done, 0.8 * TIMEOUT_MS)
  const pool = await poolBehind(gate, { verify })
  await pool.connect()
  await untilFewAreDialled(gate, pool)
  const { failed, waits } = await borrow(pool, 8)
  expect(failed).toBe(0)
  expect(waits.at(-1)).toBeLessThan(2 * TIMEOUT_MS)
})

test('those who wait for their turn to be dialled for do not count as too many where there is room for them', async () => {
  const gate = new Gate()
  const pool = await poolBehind(gate, { maxWaiting: 1 })
  await pool.connect()
  await untilFewAreDialled(gate, pool)
  expect((await borrow(pool, MAX - 1)).failed).toBe(0)
  const outcomes = await Promise.allSettled([1, 2].map(() => pool.query({ text: 'select 1', timeoutMs: 50 })))
  const codes = outcomes.map((each) => each.status === 'rejected' && (each.reason as { code?: unknown }).code)
  expect(new Set(codes)).toEqual(new Set(['NEAREST_OVERLOADED', 'NEAREST_TIMEOUT']))
})

test('what a server was late with long ago holds up nobody', async () => {
  const gate = new Gate()
  const pool = await poolBehind(gate, { connectTimeoutMs: LONG_MS })
  await pool.connect()
  await untilFewAreDialled(gate, pool)
  await setTimeout(2 * LONG_MS)
  gate.stuck = 1
  const stuck = pool.connect().catch(() => {})
  const { waits } = await borrow(pool, 5)
  expect(waits[3]).toBeLessThan(LONG_MS / 2)
  await stuck
})
