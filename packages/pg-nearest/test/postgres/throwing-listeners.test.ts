import { channel, tracingChannel } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type NearestPoolOptions } from '../../src/index.ts'
import { ask, caughtUp, roleOf, until } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'

/** Whoever listens may throw, and that is nobody's business but his own: no statement changes for it. */
let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(
    world.url(world.primary),
    `create table notes (text text not null);
     create function note(text text) returns void language sql volatile as 'insert into notes values (text)';
     create function warn() returns int language plpgsql as $$ begin raise notice 'mind'; return 1; end $$;
     create view warning as select warn() as one`,
  )
  await caughtUp(world)
})
afterAll(() => world?.stop())

/** What would end a process that has no handler of its own. */
const strays: unknown[] = []
const warnings: string[] = []
const onStray = (error: unknown): void => void strays.push(error)
const onWarning = ({ message }: Error): void => void warnings.push(message)
const STRAY_EVENTS = ['uncaughtException', 'unhandledRejection'] as const
/** Those of the test runner, which would take them for its own. */
const others = new Map<string, ((...args: unknown[]) => void)[]>()

beforeEach(async () => {
  await ask(world.url(world.primary), 'truncate notes')
  await caughtUp(world)
  strays.length = warnings.length = 0
  for (const event of STRAY_EVENTS) {
    others.set(event, process.listeners(event as 'exit') as ((...args: unknown[]) => void)[])
    process.removeAllListeners(event)
    process.on(event, onStray)
  }
  process.on('warning', onWarning)
})
afterEach(async () => {
  await settled(pool.destroy(), 'the end of the pool')
  await sleep(20)
  process.removeListener('warning', onWarning)
  for (const event of STRAY_EVENTS) {
    process.removeAllListeners(event)
    for (const listener of others.get(event) ?? []) process.on(event, listener)
  }
  if (strays.length > 0) throw new AggregateError(strays, `${strays.length} errors that would have ended the process`)
})

const EVENTS = [
  'query',
  'topology',
  'problem',
  'primary',
  'position-lost',
  'connect',
  'acquire',
  'release',
  'remove',
  'error',
]

/** A pool whose listeners throw; `heard` are the events that came. */
function app(events: readonly string[], options: Partial<NearestPoolOptions> = {}): { heard: Set<string> } {
  pool = createPool({ ...world.poolOptions('ord'), ...options })
  const heard = new Set<string>()
  for (const event of events) {
    pool.on(event as 'connect', () => {
      heard.add(event)
      throw new Error(`a listener of ${event} has a bug`)
    })
  }
  return { heard }
}

const notes = async (): Promise<string[]> =>
  (await ask<{ text: string }>(world.url(world.primary), 'select text from notes order by text')).map(
    ({ text }) => text,
  )

/** Statements of every kind, each with its own outcome. */
async function useIt(): Promise<void> {
  await settled(pool.refresh(), 'refresh')
  expect(await settled(pool.query("insert into notes values ('a write')"), 'a write')).toMatchObject({ rowCount: 1 })
  expect(await settled(pool.query('select 1 as one'), 'a read')).toMatchObject({ rows: [{ one: 1 }] })
  await settled(pool.query("select note('by a function')"), 'a write that a standby refuses')
  expect(await rejectionOf(pool.query('select 1/0'), 'a mistake')).toMatchObject({ code: '22012' })
  const borrowed = await settled(pool.connect(), 'connect')
  await settled(borrowed.query("insert into notes values ('by a client')"), 'a write of a client')
  expect(await rejectionOf(borrowed.query('select 1/0'), 'a mistake of a client')).toMatchObject({ code: '22012' })
  await settled(borrowed.query('begin'), 'begin')
  await settled(borrowed.query("insert into notes values ('in a transaction of a client')"), 'a write in it')
  await settled(borrowed.query('commit'), 'commit')
  borrowed.release()
  await settled(
    pool.transaction((tx) => tx.query("insert into notes values ('in a transaction')")),
    'a transaction',
  )
  await settled(pool.session().query("insert into notes values ('in a session')"), 'a write in a session')
  expect(await notes()).toEqual([
    'a write',
    'by a client',
    'by a function',
    'in a session',
    'in a transaction',
    'in a transaction of a client',
  ])
  const { rows } = await settled(pool.query('select count(*)::int as n from notes'), 'the count')
  expect(rows).toEqual([{ n: 6 }])
}

describe('listeners that throw', () => {
  test.each(['query', 'topology', 'connect', 'acquire', 'release'])('of %s', async (event) => {
    const { heard } = app([event])
    await useIt()
    expect([...heard]).toEqual([event])
    await until(() => warnings.some((each) => each.includes(`a listener of ${event} has a bug`)), 'a warning', 2_000)
  })

  test('of all events, with hedging, time-outs and one connection for each server', async () => {
    app(EVENTS, { hedge: { percentile: 0.1, budget: 1 }, max: 1, timeoutMs: 4_000 })
    await useIt()
  })

  test.each([true, false])('of a client’s notices, with lanes: %s', async (lanes) => {
    // On a busy machine a text may have been slow, so that its reads rightly run where they are alone: then another pool is tried.
    for (let tries = 1; ; tries++) {
      pool = createPool({ ...world.poolOptions('ord'), lanes })
      pool.on('connect', (client) => {
        client.on('notice', () => {
          throw new Error('a listener of notice has a bug')
        })
      })
      const read = (): Promise<unknown> => pool.query('select one from warning').then(({ rows }) => rows[0])
      for (let i = 0; i < 4; i++) expect(await settled(read(), 'a read')).toEqual({ one: 1 })
      for (let i = 0; i < 3; i++) {
        const rows = await settled(Promise.all(Array.from({ length: 20 }, read)), 'reads at once')
        expect(rows).toEqual(Array.from({ length: 20 }, () => ({ one: 1 })))
      }
      // One that ran twice, because it had waited in a lane, was told twice.
      await until(() => strays.length >= 64, 'each to be told as nobody’s', 2_000)
      for (const stray of strays.splice(0)) expect(stray).toMatchObject({ message: 'a listener of notice has a bug' })
      if (!lanes || pool.totalCount === 1) return
      expect(tries).toBeLessThan(5)
      await pool.end()
    }
  })

  test('of problem and remove, while the replica dies and comes back', async () => {
    const { heard } = app(EVENTS, { probeIntervalMs: 100 })
    await settled(pool.refresh(), 'refresh')
    expect((await settled(pool.query('select 1'), 'a read')).servedBy.server).toBe('ord')
    await world.kill('ord')
    try {
      const reads = Array.from({ length: 10 }, () => pool.query('select 1 as one'))
      for (const { rows } of await settled(Promise.all(reads), 'the reads')) expect(rows).toEqual([{ one: 1 }])
      await until(() => heard.has('problem') && heard.has('remove'), 'the events', 5_000)
    } finally {
      await world.start('ord')
    }
    const back = async (): Promise<boolean> =>
      (await settled(pool.query('select 1'), 'a read')).servedBy.server === 'ord'
    await until(back, 'reads from the replica again', 10_000)
  })

  test('of primary, while another server is promoted', async () => {
    const { heard } = app(EVENTS)
    await settled(pool.refresh(), 'refresh')
    await settled(pool.query("insert into notes values ('before')"), 'a write')
    await caughtUp(world)
    await world.promote('ord')
    const write = pool.query("insert into notes values ('after')")
    expect((await settled(write, 'the next write', 10_000)).servedBy.server).toBe('ord')
    await until(() => heard.has('primary'), 'the event', 5_000)
    expect(await notes()).toEqual(['after', 'before'])
  })
})

describe('subscribers that throw', () => {
  const bug = (): void => {
    throw new Error('a subscriber has a bug')
  }

  /** Node itself throws later what a subscriber has thrown, where no statement is concerned. */
  async function forgetSubscribers(): Promise<void> {
    await sleep(20)
    const own = strays.filter((each) => !String(each).includes('a subscriber has a bug'))
    strays.splice(0, strays.length, ...own)
  }

  test('to the tracing channel of queries', async () => {
    const channels = tracingChannel('pg-nearest:query')
    const subscribers = { start: bug, end: bug, asyncStart: bug, asyncEnd: bug, error: bug }
    channels.subscribe(subscribers)
    try {
      pool = createPool(world.poolOptions('ord'))
      await useIt()
    } finally {
      channels.unsubscribe(subscribers)
      await forgetSubscribers()
    }
  })

  test('to the channels of events', async () => {
    const channels = ['topology', 'problem', 'primary', 'position-lost'].map((name) => channel(`pg-nearest:${name}`))
    for (const each of channels) each.subscribe(bug)
    try {
      pool = createPool(world.poolOptions('ord'))
      await useIt()
      expect(roleOf(pool.status(), world.primary)).toBe('primary')
    } finally {
      for (const each of channels) each.unsubscribe(bug)
      await forgetSubscribers()
    }
  })
})

test.each(['new client connected', 'client acquired', 'client released', 'client removed', 'remove expended client'])(
  'a log that throws at: %s',
  async (message) => {
    const log = (told: unknown): void => {
      if (told === message) throw new Error('the log has a bug')
    }
    pool = createPool({ ...world.poolOptions(world.primary), max: 1, maxUses: 2, log })
    for (let i = 0; i < 6; i++) {
      expect((await settled(pool.query('select 1 as one'), 'a read')).rows).toEqual([{ one: 1 }])
    }
    await until(() => strays.length > 0, 'the mistake', 2_000)
    await settled(pool.destroy(), 'the end of the pool')
    await sleep(20)
    for (const stray of strays.splice(0)) expect(stray).toMatchObject({ message: 'the log has a bug' })
  },
)

describe('a log that throws while reads that share a connection are ended', () => {
  let armed = false
  const log = (message: unknown): void => {
    if (!armed || message !== 'client released') return
    armed = false
    throw new Error('the log has a bug')
  }
  const read = (): Promise<unknown> => pool.query('select count(*)::int as n from notes').then(({ rows }) => rows[0])
  const sockets: Socket[] = []

  /** One whose reads share its one connection. On a busy machine one may have been slow, and then they have a connection each for a while. */
  async function poolWithLanes(region: string): Promise<void> {
    for (let tries = 0; tries < 10; tries++) {
      sockets.length = 0
      pool = createPool({ ...world.poolOptions(region), lanes: true, log })
      pool.on('connect', (client) =>
        sockets.push((client as unknown as { connection: { stream: Socket } }).connection.stream),
      )
      for (let i = 0; i < 4; i++) await settled(read(), 'a read')
      await settled(Promise.all(Array.from({ length: 5 }, read)), 'reads')
      if (pool.totalCount === 1) return
      await pool.destroy()
    }
    throw new Error('nothing shared a connection')
  }

  /** The first to be given back is the shared one, whose reads then run by themselves. */
  async function readAll(end: () => Promise<void> | void): Promise<void> {
    const reads = Promise.all(Array.from({ length: 50 }, read))
    await new Promise(setImmediate)
    armed = true
    await end()
    expect(await settled(reads, 'the reads')).toEqual(Array.from({ length: 50 }, () => ({ n: 0 })))
    expect(armed).toBe(false)
    expect(strays.splice(0)).toMatchObject([{ message: 'the log has a bug' }])
  }

  test('because it dies', async () => {
    await poolWithLanes('ord')
    await readAll(() => {
      for (const socket of sockets) socket.destroy()
    })
  })

  test('because it is silent', async () => {
    await poolWithLanes(world.primary)
    const locking = new pg.Client({ connectionString: world.url(world.primary) })
    await locking.connect()
    await locking.query('begin; lock table notes')
    await readAll(async () => {
      await until(() => !armed, 'the reads to be given up', 10_000)
      await locking.end()
    })
  })
})

test('a callback that throws is the caller’s own mistake, and costs no connection', async () => {
  pool = createPool({ ...world.poolOptions('ord'), max: 1 })
  for (let i = 0; i < 3; i++) {
    pool.query('select 1', () => {
      throw new Error('a callback has a bug')
    })
  }
  expect((await settled(pool.query('select 1 as one'), 'the next read')).rows).toEqual([{ one: 1 }])
  await until(() => strays.length === 3, 'the mistakes', 2_000)
  for (const stray of strays.splice(0)) expect(stray).toMatchObject({ message: 'a callback has a bug' })
})
