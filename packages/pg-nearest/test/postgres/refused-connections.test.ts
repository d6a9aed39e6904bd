import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { administer, ask, caughtUp, withUsers } from './fixtures.ts'
import { errorOf, rejectionOf, running, tally, within } from './settling.ts'
import { TestPools } from './test-pools.ts'
import { write } from './written-table.ts'

const BOUND_MS = 8_000
/** Longer than the silence after which a server is asked whether it lives, and shorter than what runs. */
const QUIET = { probeTimeoutMs: 400 }
const QUIET_MS = 700
/** What the pool's own watch of a server holds. */
const WATCH = 1

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
  await ask(world.url('nrt'), 'create table written (id text)')
  // Who asks past the pool, as "app", sees what this role runs and is not held to its limits.
  await asAdmin(
    `create role clerk login;
     grant clerk to app;
     grant all on all tables in schema public to clerk;
     grant all on all sequences in schema public to clerk;`,
  )
})
afterAll(() => world.stop())
beforeEach(async () => {
  await asAdmin("alter role clerk login connection limit -1 password 'first'")
  await caughtUp(world)
})
afterEach(async () => {
  await pools.destroyAll()
  await asAdmin('truncate written')
})

/** A superuser may create and alter roles. */
const asAdmin = (text: string) => administer(world, 'nrt', text)

function asClerk(url: string): string {
  const clerk = new URL(url)
  clerk.username = 'clerk'
  clerk.password = 'first'
  return clerk.href
}

async function clerksPool(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  const pool = await pools.start({
    region: 'ord',
    primary: { region: 'nrt', url: asClerk(world.url('nrt', { from: 'ord' })) },
    replicas: { ord: asClerk(world.url('ord')) },
    ...options,
  })
  // What is open before the refusals can be used on.
  await pool.query({ text: 'select 1', consistency: 'eventual' })
  return pool
}

const writeSlowly = (pool: NearestPool, id: string) =>
  pool.query(`insert into written select '${id}' from pg_sleep(1.5)`)

async function written(): Promise<string[]> {
  return (await ask<{ id: string }>(world.url('nrt'), 'select id from written order by id')).map(({ id }) => id)
}

/** Tries again and again, for so long, what wants a connection of its own. */
async function refusedFor(ms: number, run: () => Promise<unknown>): Promise<PromiseSettledResult<unknown>[]> {
  const tries: Promise<unknown>[] = []
  for (const end = performance.now() + ms; performance.now() < end; await sleep(50)) {
    tries.push(run())
    tries.at(-1)?.catch(() => undefined)
  }
  return Promise.allSettled(tries)
}

describe('new connections are refused while statements run: what runs is left alone and succeeds', () => {
  const SLOW = ['slow 1', 'slow 2', 'slow 3']

  test.each<{ code: string; refuse: string; restore: string; waits: boolean }>([
    {
      code: '53300, too many for the role',
      refuse: `alter role clerk connection limit ${SLOW.length + WATCH}`,
      restore: 'alter role clerk connection limit -1',
      waits: true,
    },
    {
      code: '53300, too many for the database',
      refuse: 'alter database app connection limit 1',
      restore: 'alter database app connection limit -1',
      waits: true,
    },
    {
      code: '28P01, another password',
      refuse: "alter role clerk password 'second'",
      restore: "alter role clerk password 'first'",
      waits: false,
    },
    {
      code: '28000, not permitted to log in',
      refuse: 'alter role clerk nologin',
      restore: 'alter role clerk login',
      waits: false,
    },
    {
      code: '42501, no right to connect',
      refuse: 'revoke connect on database app from public',
      restore: 'grant connect on database app to public',
      waits: false,
    },
    {
      code: '55000, the database accepts none',
      refuse: 'alter database app allow_connections false',
      restore: 'alter database app allow_connections true',
      waits: false,
    },
  ])('$code', async ({ refuse, restore, waits }) => {
    const pool = await clerksPool(QUIET)
    const slow = Promise.allSettled(SLOW.map((id) => writeSlowly(pool, id)))
    await running(world.url('nrt'), 'insert into written select', SLOW.length)
    await sleep(QUIET_MS)
    await fromOutside(refuse)
    try {
      const more = refusedFor(QUIET_MS, () => write(pool, 'more'))
      const read = pool.query({ text: 'select 1 as one', consistency: 'eventual' })
      expect((await within(BOUND_MS, 'a read', read)).rows).toEqual([{ one: 1 }])
      expect(tally(await within(BOUND_MS, 'what runs', slow))).toEqual({ fulfilled: SLOW.length })
      const others = tally(await within(BOUND_MS, 'the others', more))
      if (waits) expect(Object.keys(others)).toEqual(['fulfilled'])
      expect(others, 'nothing of theirs was on its way').not.toHaveProperty('08007')
    } finally {
      await fromOutside(restore)
    }
    expect((await written()).filter((id) => id.startsWith('slow'))).toEqual(SLOW)
  })

  test('a statement of a transaction, which then commits', async () => {
    const pool = await clerksPool(QUIET)
    const client = await pool.connect()
    await client.query('begin')
    const slow = errorOf(
      BOUND_MS,
      'a statement',
      client.query("insert into written select 'in a transaction' from pg_sleep(1.5)"),
    )
    await sleep(QUIET_MS)
    await asAdmin("alter role clerk password 'second'")
    const refused = refusedFor(QUIET_MS, () => write(pool, 'more'))
    expect(await slow).toBeUndefined()
    await within(BOUND_MS, 'COMMIT', client.query('commit'))
    client.release()
    await within(BOUND_MS, 'the others', refused)
    expect(await written()).toContain('in a transaction')
  })

  test('reads on a replica, which are not run again', async () => {
    const pool = await clerksPool(QUIET)
    const slow = Promise.all(SLOW.map((id) => pool.replica().query(`select '${id}' as id, pg_sleep(1.5)`)))
    slow.catch(() => undefined)
    await running(world.url('ord'), "select 'slow", SLOW.length)
    await sleep(QUIET_MS)
    await asAdmin("alter role clerk password 'second'")
    await caughtUp(world)
    const refused = refusedFor(QUIET_MS, () => pool.replica().query('select 1'))
    const results = await within(BOUND_MS, 'what runs', slow)
    expect(results.map(({ servedBy }) => `${servedBy.server} ${servedBy.attempts}`)).toEqual(SLOW.map(() => 'ord 1'))
    await within(BOUND_MS, 'the others', refused)
  })
})

/** Past a database that lets nobody in. A superuser may alter roles, too. */
async function fromOutside(text: string): Promise<void> {
  const url = new URL(world.url('nrt', { as: 'superuser' }))
  url.pathname = '/postgres'
  await ask(url.href, text)
}

describe('more is wanted than the role may open: who is refused waits for one of our own connections', () => {
  const LIMIT = 4
  beforeEach(async () => {
    await asAdmin(`alter role clerk connection limit ${LIMIT + WATCH}`)
    await caughtUp(world)
  })

  test('forty writes at once, again and again', async () => {
    const pool = await clerksPool()
    for (let round = 0; round < 3; round++) {
      const writes = Array.from({ length: 40 }, (_, i) => write(pool, `${round} ${i}`))
      const outcomes = await within(BOUND_MS, 'forty writes', Promise.allSettled(writes))
      expect(tally(outcomes)).toEqual({ fulfilled: 40 })
    }
    expect(await written()).toHaveLength(120)
  })

  test('strong reads', async () => {
    const pool = await clerksPool()
    const reads = Array.from({ length: 40 }, () => pool.query({ text: 'select pg_sleep(0.02)', consistency: 'strong' }))
    expect(tally(await within(BOUND_MS, 'forty reads', Promise.allSettled(reads)))).toEqual({ fulfilled: 40 })
  })

  test('transactions and borrowed clients', async () => {
    const pool = await clerksPool()
    const borrowed = async (): Promise<void> => {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await client.query("insert into written values ('borrowed')")
        await client.query('commit')
      } finally {
        client.release()
      }
    }
    const work = Array.from({ length: 24 }, (_, i) =>
      i % 2 === 0 ? pool.transaction((tx) => tx.query("insert into written values ('tx')")) : borrowed(),
    )
    expect(tally(await within(BOUND_MS, 'all of them', Promise.allSettled(work)))).toEqual({ fulfilled: 24 })
    expect(await written()).toHaveLength(24)
  })

  test('reads on a replica whose slots are all ours', async () => {
    const pool = await clerksPool()
    const reads = Array.from({ length: 40 }, () => pool.replica().query('select pg_sleep(0.02)'))
    expect(tally(await within(BOUND_MS, 'forty reads', Promise.allSettled(reads)))).toEqual({ fulfilled: 40 })
  })

  test('a queue that waits for a slot can be left: nobody is counted after its time', async () => {
    const pool = await clerksPool()
    const held = Promise.allSettled(Array.from({ length: LIMIT }, (_, i) => writeSlowly(pool, `held ${i}`)))
    await running(world.url('nrt'), 'insert into written select', LIMIT)
    const late = Array.from({ length: 3 }, () =>
      pool.query({ text: "insert into written values ('late')", timeoutMs: 200 }),
    )
    expect(tally(await within(BOUND_MS, 'three that give up', Promise.allSettled(late)))).toEqual({
      NEAREST_TIMEOUT: 3,
    })
    expect(pool.waitingCount).toBe(0)
    expect(tally(await within(BOUND_MS, 'what held them', held))).toEqual({ fulfilled: LIMIT })
    expect(await written()).not.toContain('late')
  })
})

describe('one of our connections is held for as long as its user likes, and the server refuses new ones', () => {
  test.each([
    ['another password', "alter role clerk password 'second'", 'NEAREST_AUTHENTICATION'],
    ['no slot', 'alter role clerk connection limit 1', 'NEAREST_NO_SERVER'],
  ])('with one database what waits fails (%s)', async (_, refuse, code) => {
    const pool = pools.create({ primary: asClerk(world.url('nrt')), failoverTimeoutMs: 1_000 })
    const listener = await pool.connect()
    await listener.query('listen news')
    await asAdmin(refuse)
    expect(await rejectionOf(pool.query('select 1'), 'a read')).toMatchObject({ code })
    expect(await rejectionOf(write(pool, 'refused'), 'a write')).toMatchObject({ code })
    expect((await listener.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    listener.release()
  })

  test('a read is answered by another server', async () => {
    const pool = await clerksPool()
    await pool.primary.query('select 1')
    const report = await pool.replica('ord').connect()
    await report.query('begin read only')
    await report.query('select 1')
    await asAdmin('alter role clerk nologin')
    await caughtUp(world)
    const reads = () => pool.query({ text: 'select 1 as one', consistency: 'eventual' })
    const { rows, servedBy } = await within(BOUND_MS, 'a read', reads())
    expect([rows, servedBy.server]).toEqual([[{ one: 1 }], 'nrt'])
    await within(BOUND_MS, 'the next reads', Promise.all(Array.from({ length: 5 }, reads)))
    await report.query('commit')
    report.release()
    expect((await within(BOUND_MS, 'a read', reads())).servedBy.server).toBe('ord')
  })
})

test('every slot is another pool’s, which gives them back: who is refused waits for one', async () => {
  const greedy = await clerksPool({ idleTimeoutMillis: 1 })
  const pool = await clerksPool()
  const held = Promise.allSettled(SLOTS.map((id) => writeSlowly(greedy, id)))
  await running(world.url('nrt'), 'insert into written select', SLOTS.length)
  await asAdmin(`alter role clerk connection limit ${SLOTS.length + 2 * WATCH}`)
  const writes = Promise.allSettled(Array.from({ length: 10 }, (_, i) => write(pool, `late ${i}`)))
  expect(tally(await within(BOUND_MS, 'the writes', writes))).toEqual({ fulfilled: 10 })
  expect(tally(await within(BOUND_MS, 'what held them', held))).toEqual({ fulfilled: SLOTS.length })
})
const SLOTS = ['greedy 1', 'greedy 2', 'greedy 3']
