import { channel, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { AsyncLocalStorage } from 'node:async_hooks'
import { inspect } from 'node:util'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type PoolMessage, type QueryEvent, type QueryTrace } from '../../src/index.ts'
import type { Topology } from '../../src/index.ts'
import { formatBookmark, parseBookmark } from '../../src/session/bookmark-text.ts'
import { until, withUsers } from './fixtures.ts'

const PHASES = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const
const queries = tracingChannel<unknown, QueryTrace>('pg-nearest:query')

let world: World
let pool: NearestPool
let undo: (() => void)[] = []
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await withUsers(world)
})
afterAll(() => world.stop())
beforeEach(() => {
  pool = createPool(world.poolOptions('ord'))
})
afterEach(async () => {
  for (const each of undo) each()
  undo = []
  await pool.destroy()
})

function listen(name: string, listener: (message: unknown) => void): void {
  subscribe(name, listener)
  undo.push(() => unsubscribe(name, listener))
}

function phases(): { readonly phase: string; readonly trace: QueryTrace }[] {
  const seen: { readonly phase: string; readonly trace: QueryTrace }[] = []
  for (const phase of PHASES) {
    listen(`tracing:pg-nearest:query:${phase}`, (message) => seen.push({ phase, trace: message as QueryTrace }))
  }
  return seen
}

describe('the tracing channel of queries', () => {
  test('tells the start in the caller’s turn, and with the end what the event says', async () => {
    const seen = phases()
    const events: QueryEvent[] = []
    pool.on('query', (event) => events.push(event))
    const query = pool.query('select name from users where id = $1', [1])
    expect(seen.map(({ phase }) => phase)).toEqual(['start', 'end'])
    const { servedBy } = await query
    expect(seen.map(({ phase }) => phase)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    const [first] = seen
    expect(new Set(seen.map(({ trace }) => trace)).size, 'one object throughout').toBe(1)
    expect(first?.trace.pool).toBe(pool)
    expect(first?.trace).toMatchObject({
      text: 'select name from users where id = $1',
      parameters: 1,
      servedBy,
      durationMs: expect.any(Number),
      result: { command: 'SELECT', rowCount: 1 },
    })
    expect(events).toEqual([{ text: first?.trace.text, mode: 'normal', servedBy, durationMs: expect.any(Number) }])
    expect(inspect(first?.trace.result), 'no rows').not.toContain('Ada')
  })

  test('tells an error once, and rejects as without it', async () => {
    const seen = phases()
    const error: unknown = await pool.query('select 1 / 0').catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: '22012' })
    expect(seen.map(({ phase }) => phase)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    expect(seen[0]?.trace.error).toBe(error)
    const thrown = await new Promise((resolve) => {
      pool.query('select 1 / 0', (reason: Error | null | undefined) => resolve(reason))
    })
    expect(thrown, 'by a callback, too').toMatchObject({ code: '22012' })
  })

  test('runs what it traces with a store that is bound to its start', async () => {
    const storage = new AsyncLocalStorage<string>()
    queries.start.bindStore(storage, ({ text }) => text)
    undo.push(() => queries.start.unbindStore(storage))
    const stores: (string | undefined)[] = []
    pool.on('query', () => stores.push(storage.getStore()))
    await Promise.all([pool.query('table users'), pool.query('table hits')])
    expect(new Set(stores)).toEqual(new Set(['table hits', 'table users']))
    expect(storage.getStore()).toBeUndefined()
  })

  test('is silent while nobody subscribes, and about what is given before', async () => {
    expect(queries.hasSubscribers).toBe(false)
    const before = pool.query('select pg_sleep(0.1)')
    const seen = phases()
    await before
    expect(seen).toEqual([])
  })
})

test('the channels of topology and problem carry the very events, with their pool', async () => {
  const topologies: PoolMessage<Topology>[] = []
  const emitted: Topology[] = []
  const problems: unknown[] = []
  listen('pg-nearest:topology', (message) => topologies.push(message as PoolMessage<Topology>))
  pool.on('topology', (topology) => emitted.push(topology))
  await pool.refresh()
  expect(topologies.length).toBeGreaterThan(0)
  expect(topologies.map(({ event }) => event)).toEqual(emitted)
  expect(topologies.every(({ event }, i) => event === emitted[i])).toBe(true)
  expect(topologies.every((message) => message.pool === pool)).toBe(true)
  // Nobody listens to the pool's own.
  listen('pg-nearest:problem', (message) => problems.push(message))
  await world.kill('ord')
  try {
    await until(() => problems.length > 0, 'a problem')
    expect(problems[0]).toEqual({ pool, event: expect.objectContaining({ server: 'ord' }) })
  } finally {
    await world.start('ord')
  }
})

test('the channel of lost positions carries the very event, with its pool', async () => {
  const told: unknown[] = []
  const emitted: unknown[] = []
  listen('pg-nearest:position-lost', (message) => told.push(message))
  pool.on('position-lost', (event) => emitted.push(event))
  await world.pauseReplay('ord')
  try {
    const session = pool.session()
    await session.query('update hits set n = n')
    const bookmark = parseBookmark(session.bookmark())
    if (bookmark === undefined) throw new Error('the session has no bookmark')
    // As if a failover had lost what came after.
    await pool.session(formatBookmark({ ...bookmark, lsn: bookmark.lsn + 1_000_000_000n })).query('table hits')
    expect(emitted).toHaveLength(1)
    expect(told).toEqual([{ pool, event: emitted[0] }])
  } finally {
    await world.resumeReplay('ord')
  }
})

test('without a subscriber there is no channel to publish to', () => {
  for (const name of ['topology', 'problem', 'position-lost']) {
    expect(channel(`pg-nearest:${name}`).hasSubscribers).toBe(false)
  }
})
