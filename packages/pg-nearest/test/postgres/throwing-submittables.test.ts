import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** What the code of a cursor's, a COPY's or a query's user throws ends the process, as with pg, and if it does not, the pool goes on. */
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 2 })
  await ask(world.url('nrt'), 'create table notes (n int primary key)')
  await caughtUp(world)
})
afterAll(() => world?.stop())

const strays: unknown[] = []
const onStray = (error: unknown): void => void strays.push(error)
const STRAY_EVENTS = ['uncaughtException', 'unhandledRejection'] as const
/** Those of the test runner, which would take them for its own. */
const others = new Map<string, ((...args: unknown[]) => void)[]>()

beforeEach(() => {
  strays.length = sockets.length = 0
  for (const event of STRAY_EVENTS) {
    others.set(event, process.listeners(event as 'exit') as ((...args: unknown[]) => void)[])
    process.removeAllListeners(event)
    process.on(event, onStray)
  }
})
afterEach(async () => {
  await pools.destroyAll()
  await sleep(20)
  for (const event of STRAY_EVENTS) {
    process.removeAllListeners(event)
    for (const listener of others.get(event) ?? []) process.on(event, listener)
  }
})

const sockets: Socket[] = []
const bug = new Error('the user’s code has a bug')
const throwBug = (): never => {
  throw bug
}

const OPTIONS: readonly [string, () => NearestPoolOptions][] = [
  ['one database', () => ({ primary: world.url('nrt') })],
  ['several servers', () => world.poolOptions('ord')],
]

type Give = (query: pg.Submittable) => void
const GIVEN: readonly [string, (pool: NearestPool) => Promise<{ give: Give; over: () => void }>][] = [
  ['the pool', (pool) => Promise.resolve({ give: (query) => void pool.query(query), over: () => undefined })],
  [
    'a client',
    async (pool) => {
      const client = await pool.connect()
      return { give: (query) => void client.query(query), over: () => client.release() }
    },
  ],
  [
    'a transaction of a client',
    async (pool) => {
      const client = await pool.connect()
      await client.query('begin')
      const over = (): void => {
        client.query('rollback').catch(() => undefined)
        client.release()
      }
      return { give: (query) => void client.query(query), over }
    },
  ],
]

/** Every submittable whose user's code throws, and what it has thrown. */
const QUERIES: readonly [what: string, make: (text: string) => pg.Submittable][] = [
  [
    'a cursor whose callback throws',
    (text) => {
      const cursor = new Cursor(text)
      cursor.read(10, throwBug)
      return cursor
    },
  ],
  ['a pg.Query whose callback throws', (text) => new pg.Query({ text }, throwBug as never) as never],
  ['a pg.Query whose errors nobody hears', (text) => new pg.Query({ text }) as never],
  ['a COPY FROM whose errors nobody hears', () => copyFrom('copy notes from stdin')],
  ['a COPY TO whose errors nobody hears', (text) => copyTo(`copy (${text}) to stdout`).resume()],
]
const FAILS = 'select 1/(n-5) from generate_series(1, 10) n'
const SLEEPS = 'select pg_sleep(30)'

async function start(options: () => NearestPoolOptions): Promise<NearestPool> {
  const pool = pools.create({ ...options(), max: 1 })
  pool.on('error', () => undefined)
  pool.on('connect', (client) =>
    sockets.push((client as unknown as { connection: { stream: Socket } }).connection.stream),
  )
  await pool.refresh()
  return pool
}

/** It threw once. The pool's promise of a `pg.Query` that nobody waits for rejects besides. */
function thrown(what: string): void {
  expect(strays.filter((each) => each === bug).length).toBe(what.includes('throws') ? 1 : 0)
  expect(strays.length).toBeLessThanOrEqual(what.includes('pg.Query') ? 2 : 1)
}

/** Each statement has its own answer, on every server, and nothing keeps the pool from ending. */
async function goesOn(pool: NearestPool): Promise<void> {
  for (let i = 1; i <= 3; i++) {
    const both = Promise.all([pool.query('select $1::int as n', [i]), pool.primary.query('select $1::int as n', [-i])])
    expect((await settled(both, 'the next statements')).map(({ rows }) => rows)).toEqual([[{ n: i }], [{ n: -i }]])
  }
  const client = await settled(pool.connect(), 'connect()')
  expect((await settled(client.query('select 7 as n'), 'a client’s statement')).rows).toEqual([{ n: 7 }])
  client.release()
  await settled(pool.end(), 'end()')
  expect(pool.totalCount).toBe(0)
}

describe.each(OPTIONS)('with %s', (_, options) => {
  describe.each(GIVEN)('given to %s', (__, borrow) => {
    test.each(QUERIES.filter(([what]) => !what.includes('FROM')))('%s: the server refuses it', async (what, make) => {
      const pool = await start(options)
      const { give, over } = await borrow(pool)
      give(make(FAILS))
      over()
      await until(() => strays.length > 0, 'the mistake', 5_000)
      await goesOn(pool)
      await sleep(20)
      thrown(what)
    })

    test.each(QUERIES)('%s: its backend ends', async (what, make) => {
      const pool = await start(options)
      const { give, over } = await borrow(pool)
      give(make(SLEEPS))
      over()
      await until(killed, 'the mistake', 5_000)
      await goesOn(pool)
      await sleep(20)
      thrown(what)
    })

    test.each(QUERIES)('%s: its socket is cut', async (what, make) => {
      const pool = await start(options)
      const { give, over } = await borrow(pool)
      give(make(SLEEPS))
      over()
      await sleep(200)
      // Wherever a read goes then, for `failoverTimeoutMs` at most.
      const cut = (): boolean => {
        for (const socket of sockets.splice(0)) socket.destroy()
        return strays.length > 0
      }
      await until(cut, 'the mistake', 10_000)
      await goesOn(pool)
      await sleep(20)
      thrown(what)
    })

    test('a pg.Query whose listener throws in the middle of its rows', async () => {
      const pool = await start(options)
      const { give, over } = await borrow(pool)
      const query = new pg.Query({ text: 'select n, repeat($1, 1000) from generate_series(1, 1000) n', values: ['x'] })
      let rows = 0
      query.on('row', () => {
        rows++
        if (rows % 100 === 50) throw bug
      })
      query.on('end', throwBug)
      query.on('error', () => undefined)
      give(query as never)
      over()
      await goesOn(pool)
      await until(() => strays.length >= 11, 'the mistakes', 5_000)
      expect(rows).toBe(1_000)
      expect(new Set(strays)).toEqual(new Set([bug]))
      expect(strays.length).toBe(11)
    })
  })
})

test('a COPY that no server takes, and whose error nobody hears, leaves a pool that ends', async () => {
  const pool = pools.create({ primary: 'postgres://localhost:1/app', failoverTimeoutMs: 100 })
  pool.on('error', () => undefined)
  pool.query(copyFrom('copy notes from stdin'))
  await until(() => strays.length > 0, 'the mistake', 5_000)
  await settled(pool.end(), 'end()')
  expect(strays.length).toBe(1)
})

/** Ends what runs, wherever a read goes then, until somebody has thrown. */
async function killed(): Promise<boolean> {
  const kill = `select pg_terminate_backend(pid) from pg_stat_activity
    where state = 'active' and pid <> pg_backend_pid() and (query like '%pg_sleep(30)%' or query like 'copy notes%')`
  await Promise.all(['nrt', 'ord'].map((server) => ask(world.url(server), kill)))
  return strays.length > 0
}
