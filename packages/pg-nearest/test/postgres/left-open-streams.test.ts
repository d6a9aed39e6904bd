import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { from, to } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool, Transaction } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { errorOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** COMMIT waits behind whatever the function of a transaction has left open; but not for ever, if nobody goes on with it. */
let world: World
let pool: NearestPool
const pools = new TestPools()
const losses: unknown[] = []
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(world.url('nrt'), 'create table notes (text text)')
  await caughtUp(world)
  pool = await pools.start({ ...world.poolOptions('ord'), max: 20 })
  pool.on('topology', ({ servers }) => losses.push(...servers.filter(({ health }) => health !== 'up')))
  await pool.primary.query('select 1')
})
afterAll(async () => {
  await pools.destroyAll()
  await world?.stop()
})

const isKept = async (text: string): Promise<boolean> =>
  (await ask(world.url('nrt'), `select from notes where text = '${text}'`)).length > 0
const insert = (text: string): string => `insert into notes values ('${text}')`
const MANY = "select repeat('x', 1000) from generate_series(1, 5000)"
function ignore(): void {}

describe.concurrent('what nobody goes on with: the transaction is rolled back, and not run again', () => {
  test.each<{ what: string; open: (tx: Transaction) => unknown }>([
    { what: 'a cursor in its middle', open: (tx) => tx.query(new Cursor('select generate_series(1, 100)')).read(2) },
    { what: 'a cursor that nobody reads', open: (tx) => void tx.query(new Cursor('select 1')) },
    { what: 'a cursor without rows', open: (tx) => void tx.query(new Cursor(insert('never'))) },
    { what: 'a stream that nobody reads', open: (tx) => void tx.query(new QueryStream(MANY)).on('error', ignore) },
    { what: 'a COPY FROM', open: (tx) => void tx.query(from('copy notes from stdin')).on('error', ignore) },
    {
      what: 'a COPY FROM with a row',
      open: (tx) => void tx.query(from('copy notes from stdin')).on('error', ignore).write('a\n'),
    },
    {
      what: 'a COPY TO that nobody reads',
      open: (tx) => void tx.query(to(`copy (${MANY}) to stdout`)).on('error', ignore),
    },
  ])('$what', async ({ what, open }) => {
    let runs = 0
    const work = pool.transaction({ retries: 3 }, async (tx) => {
      runs++
      await tx.query(insert(what))
      await open(tx)
    })
    expect(await errorOf(15_000, 'the transaction', work)).toMatchObject({ code: 'NEAREST_STREAM_LEFT_OPEN' })
    expect(runs).toBe(1)
    expect(await isKept(what)).toBe(false)
    expect(losses, 'it says nothing about the server').toEqual([])
  })
})

describe.concurrent('what somebody goes on with is committed', () => {
  test.each<{ what: string; open: (tx: Transaction) => Promise<unknown> }>([
    {
      what: 'a stream that is read on with pauses',
      open: async (tx) => {
        let rows = 0
        const text = 'select generate_series(1, 4)'
        for await (const row of tx.query(new QueryStream(text, [], { batchSize: 1, highWaterMark: 1 }))) {
          rows += Object.keys(row as object).length
          await sleep(2_000)
        }
        return rows
      },
    },
    {
      what: 'a cursor whose server takes long',
      open: async (tx) =>
        (await tx.query(new Cursor('select pg_sleep(7), 4 as n from generate_series(1, 1)')).read(9)).length * 4,
    },
    {
      what: 'a cursor that is read while it is sent',
      open: async (tx) => {
        const cursor = tx.query(new Cursor('select pg_sleep(7), 4 as n from generate_series(1, 1)'))
        // Its columns are described a round trip later.
        while (Reflect.get(cursor, 'state') === 'initialized') await nextTurn()
        return (await cursor.read(9)).length * 4
      },
    },
    {
      what: 'a COPY that is written on with pauses',
      open: async (tx) => {
        const stream = tx.query(from('copy notes from stdin'))
        for (let row = 1; row <= 4; row++) {
          stream.write(`copied ${row}\n`)
          await sleep(2_000)
        }
        await new Promise<void>((resolve) => stream.end(resolve))
        return stream.rowCount
      },
    },
    {
      what: 'a COPY whose server takes long',
      open: async (tx) => {
        let rows = 0
        for await (const chunk of tx.query(to('copy (select pg_sleep(7), 4) to stdout'))) {
          rows += Number(String(chunk).trim())
        }
        return rows
      },
    },
  ])('$what', async ({ what, open }) => {
    let opened: Promise<unknown> | undefined
    const work = pool.transaction(async (tx) => {
      await tx.query(insert(what))
      opened = open(tx)
    })
    await settled(work, 'the transaction', 30_000)
    expect(await opened).toBe(4)
    expect(await isKept(what)).toBe(true)
  })
})

test('the pool can be ended', () => settled(pool.end(), 'end()'))
