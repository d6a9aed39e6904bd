import knex from 'knex'
import { createRequire } from 'node:module'
import type pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { pgModule } from '../../src/pg-module/index.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { collectUncaught, rejectionOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** Whoever pools clients by himself drops one when it emits `error`, as one of pg's does whose connection has died. */

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 5 })
  await ask(world.url('nrt'), 'create table notes (id serial primary key, text text)')
  await caughtUp(world)
})
beforeEach(() => caughtUp(world))
afterEach(async () => {
  world.heal('nrt', 'ord')
  await pools.destroyAll()
})
afterAll(() => world.stop())

const LOST = { code: 'NEAREST_CONNECTION_LOST' }
const WRITE = "insert into notes (text) values ('a')"
const LOSSES = ['killed', 'silent'] as const
/** It takes a while until a silent connection is given up. */
const SILENT_MS = 30_000

async function cutOff(how: (typeof LOSSES)[number], client: object): Promise<void> {
  const { processID } = client as { readonly processID: number }
  if (how === 'silent') world.partition('nrt', 'ord')
  else await ask(world.url('nrt', { as: 'superuser' }), `select pg_terminate_backend(${processID})`)
}

/** Begins a transaction that writes, and loses it. */
async function loseTransaction(client: pg.ClientBase, how: (typeof LOSSES)[number]): Promise<void> {
  await client.query('begin')
  await client.query(WRITE)
  await cutOff(how, client)
  await rejectionOf(client.query(WRITE), 'the write that is cut off', SILENT_MS)
  world.heal('nrt', 'ord')
}

const nearPool = (): Promise<NearestPool> => pools.start(world.poolOptions('ord'))
/** Where `connect()` lends pg's own client. */
const poolOfOne = (): Promise<NearestPool> => pools.start({ primary: world.url('nrt', { from: 'ord' }) })

test.each(LOSSES)('a module’s client tells once that its transaction was lost (%s)', async (how) => {
  const client = new (pgModule(await nearPool()).Client)()
  const heard: unknown[] = []
  client.on('error', (error) => heard.push(error))
  await client.connect()
  await loseTransaction(client, how)
  await until(() => heard.length > 0, 'the error')
  expect(await rejectionOf(client.query('select 1'), 'what comes behind it')).toMatchObject(LOST)
  await client.end()
  expect(heard).toHaveLength(1)
})

describe.each([
  ['several databases', nearPool],
  ['one database', poolOfOne],
])('with %s', (_what, poolOf) => {
  test('a client tells of each connection that it loses', async () => {
    const client = await (await poolOf()).connect()
    let heard = 0
    client.on('error', () => heard++)
    await client.query(WRITE)
    await cutOff('killed', client)
    await until(() => heard > 0, 'the first error')
    await until(async () => (await client.query('select 1').catch(ignore)) !== undefined, 'another connection')
    heard = 0
    await loseTransaction(client, 'killed')
    await until(() => heard > 0, 'the second error')
    client.release()
  })

  test('a client that is released with an error tells nobody', async () => {
    const pool = await poolOf()
    const client = await pool.connect()
    const heard: unknown[] = []
    client.on('error', (error) => heard.push(error))
    await client.query('begin')
    await client.query(WRITE)
    client.release(true)
    await settled(pool.end(), 'the end of the pool')
    expect(heard).toEqual([])
  })
})

test.each(LOSSES)('a listener that throws, or releases the client at once, hurts nobody (%s)', async (how) => {
  const pool = await nearPool()
  const uncaught = collectUncaught()
  const client = await pool.connect()
  client.on('error', () => {
    throw new Error('a listener has a bug')
  })
  client.on('error', (error: Error) => client.release(error))
  await loseTransaction(client, how)
  expect((await settled(pool.query('select 1 as one'), 'the next read')).rows).toEqual([{ one: 1 }])
  await settled(pool.end(), 'the end of the pool')
  uncaught.stop()
  expect(uncaught.errors).toEqual([])
})

describe('Knex, with one client', () => {
  const Dialect = createRequire(import.meta.url)('knex/lib/dialects/postgres/index.js') as typeof knex.Client

  async function withKnex(work: (db: knex.Knex, pool: NearestPool) => Promise<void>): Promise<void> {
    const pool = await nearPool()
    const driver = pgModule(pool)
    class Near extends Dialect {
      _driver(): typeof pg {
        return driver
      }
    }
    const db = knex({ client: Near, connection: {}, pool: { min: 0, max: 1 } })
    try {
      await work(db, pool)
      const { rows } = await settled(db.raw<{ rows: unknown[] }>('select 1 as one'), 'the next read')
      expect(rows).toEqual([{ one: 1 }])
    } finally {
      await settled(db.destroy(), 'the end of Knex')
    }
  }

  test('goes on behind a transaction whose connection was silent', async () => {
    await withKnex(async (db) => {
      const transaction = db.transaction(async (trx) => {
        await trx.raw(WRITE)
        world.partition('nrt', 'ord')
        await trx.raw(WRITE)
      })
      expect(await rejectionOf(transaction, 'the transaction', SILENT_MS)).toMatchObject(LOST)
      world.heal('nrt', 'ord')
    })
  })

  test('goes on behind a lastval() that nobody can tell', async () => {
    await withKnex(async (db, pool) => {
      const servers: (string | undefined)[] = []
      pool.on('query', ({ servedBy }) => servers.push(servedBy?.server))
      await db.raw(WRITE)
      await caughtUp(world, pool)
      await until(async () => {
        await db.raw('select text from notes')
        return servers.at(-1) === 'ord'
      }, 'a read elsewhere')
      expect(await rejectionOf(db.raw('select lastval()'), 'lastval()')).toMatchObject(LOST)
    })
  })
})

function ignore(): void {}
