import Cursor from 'pg-cursor'
import { startWorld, type World } from 'pg-nearest-world'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { administer, ask, caughtUp } from './fixtures.ts'
import { within } from './settling.ts'
import { TestPools } from './test-pools.ts'
import { untilWriter } from './unheard-promotion.ts'

/**
 * A pool whose list lacks the server that was promoted, beside one of the same process that writes there: it goes on, as nothing else is known
 * to it, and tells nobody of a failure where something was written.
 */
let world: World
const pools = new TestPools()
beforeEach(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams'], rtt: 10 })
  await ask(
    world.url('nrt'),
    `create table notes (text text);
     create function note(text) returns text language sql volatile as 'insert into notes values ($1) returning text'`,
  )
  await caughtUp(world)
})
afterEach(async () => {
  await pools.destroyAll()
  await world.stop()
})

/** `ord` is promoted, `nrt` knows nothing of it, and the process has written on `ord` by another pool. */
async function besideAnother(list: 'with a replica' | 'with one database'): Promise<NearestPool> {
  const options = world.poolOptions('ord')
  const { primary } = options
  const there = await pools.start(options)
  const here = await pools.start(
    list === 'with one database' ? { primary } : { ...options, region: 'nrt', replicas: { ams: world.url('ams') } },
  )
  await administer(world, 'ord', 'select pg_promote()')
  await untilWriter(there, 'ord')
  await there.query("insert into notes values ('there')")
  await here.query("insert into notes values ('here')")
  return here
}

const NOTE = "select note('called')"
const CALLS: Readonly<Record<string, (pool: NearestPool) => Promise<unknown>>> = {
  'on the pool': (pool) => pool.query(NOTE),
  'of the primary': (pool) => pool.primary.query(NOTE),
  'by its route': (pool) => pool.query({ text: NOTE, route: 'primary' }),
  strongly: (pool) => pool.query({ text: NOTE, consistency: 'strong' }),
  prepared: (pool) => pool.query({ name: 'note', text: NOTE }),
  'in a transaction': (pool) => pool.transaction((tx) => tx.query(NOTE)),
  'in a batch': async (pool) => {
    for (const outcome of await pool.batch([NOTE])) if (outcome.status === 'rejected') throw outcome.reason
  },
  'on a client': async (pool) => {
    const client = await pool.connect()
    try {
      await client.query(NOTE)
    } finally {
      client.release()
    }
  },
  'by a cursor': async (pool) => {
    const client = await pool.connect()
    try {
      const cursor = client.query(new Cursor(NOTE))
      await cursor.read(10)
      await cursor.close()
    } finally {
      client.release()
    }
  },
}

test.each(['with a replica', 'with one database'] as const)(
  'a pool %s: what a function writes is written once, and its caller is told so',
  async (list) => {
    const pool = await besideAnother(list)
    const told: unknown[] = []
    for (const [how, call] of Object.entries(CALLS)) {
      const outcome = await within(10_000, how, call(pool)).then(
        () => 'done',
        (error: { code?: unknown }) => error.code,
      )
      const rows = await ask(world.url('nrt'), "delete from notes where text = 'called' returning 1")
      told.push([how, outcome, rows.length])
    }
    expect(told).toEqual(Object.keys(CALLS).map((how) => [how, 'done', 1]))
    expect((await pool.query('select from notes')).rowCount).toBeGreaterThan(0)
  },
)

test('a BEGIN costs no round trip of its own there', async () => {
  const pool = await besideAnother('with a replica')
  const client = await pool.connect()
  try {
    await client.query('begin')
    expect(pool.totalCount, 'nothing is sent yet').toBe(pool.idleCount)
    await client.query('select 1 from notes')
    await client.query('commit')
  } finally {
    client.release()
  }
})

test('a write does not go to the replaced primary once this pool itself has read from the new one', async () => {
  const pool = await pools.start({ ...world.poolOptions('nrt'), probeIntervalMs: 30_000, failoverTimeoutMs: 500 })
  const readThere = async (): Promise<unknown> => (await pool.replica('ord').query('select from notes')).servedBy.server
  expect(await readThere()).toBe('ord')
  await administer(world, 'ord', 'select pg_promote()')
  expect(await readThere()).toBe('ord')
  world.partition('nrt', 'ord')
  const written = await pool.query("insert into notes values ('after')").then(
    ({ servedBy }) => servedBy.server,
    (error: { code?: unknown }) => error.code,
  )
  expect(written).not.toBe('nrt')
})
