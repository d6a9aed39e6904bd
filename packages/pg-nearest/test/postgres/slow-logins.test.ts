import { Socket } from 'node:net'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { within } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** What a connection costs the server, whether anybody still waits for it or not. */
const COST_MS = 200
/** So two can be had at the same time, and a third one is too late. */
const TIMEOUT_MS = 500
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

/** The pool's option `stream`. Once it is `slow`, one connection after the other reaches the server, and each that was given up takes its time, too. */
class Gate {
  slow = false
  closed = false
  #freeAt = 0

  readonly stream = (): Socket => {
    const socket = new Socket()
    const { connect } = socket
    socket.connect = (...args: never[]): Socket => {
      if (this.closed) return socket
      if (this.slow) this.#freeAt = Math.max(this.#freeAt, performance.now()) + COST_MS
      const enter = (): unknown => socket.destroyed || Reflect.apply(connect, socket, args)
      setTimeout(enter, this.#freeAt - performance.now())
      return socket
    }
    return socket
  }
}

function poolBehind({ stream }: Gate): Promise<NearestPool> {
  // What the server says on the monitor's connection, which is open, is not the matter here.
  return pools.start({
    ...world.poolOptions('nrt'),
    stream,
    max: MAX,
    connectTimeoutMs: TIMEOUT_MS,
    probeIntervalMs: 10_000,
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
