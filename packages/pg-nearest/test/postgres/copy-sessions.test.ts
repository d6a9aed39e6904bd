import { setTimeout as sleep } from 'node:timers/promises'
import { finished } from 'node:stream/promises'
import { from } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type RoutedClient, type Session } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { settled } from './settling.ts'

/**
 * What talks to a connection by itself writes when it ends, and not when it was begun. What its session has done meanwhile says
 * nothing of it.
 */
let world: World
let pool: NearestPool
let elsewhere: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 20 })
  await ask(world.url('nrt'), 'create table items (id int not null); create table beside (id int not null)')
  await caughtUp(world)
  pool = createPool(world.poolOptions('ord'))
  elsewhere = createPool(world.poolOptions('ord'))
})
afterAll(async () => {
  await pool?.destroy()
  await elsewhere?.destroy()
  await world?.stop()
})
beforeEach(begin)

async function begin(): Promise<void> {
  await world.resumeReplay('ord')
  await ask(world.url('nrt'), 'truncate items')
  await caughtUp(world, pool, elsewhere)
}

const ROWS = 50
const INSERT = `insert into items select generate_series(1, ${ROWS}) returning id`

/** Something that writes by itself: it begins, and later ends. */
interface Writer {
  readonly name: string
  begin(client: RoutedClient): Promise<() => Promise<unknown>>
}

const WRITERS: readonly Writer[] = [
  {
    name: 'COPY FROM',
    async begin(client) {
      const copy = client.query(from('copy items from stdin'))
      for (let id = 1; id <= ROWS; id++) copy.write(`${id}\n`)
      await sleep(60)
      return () => {
        copy.end()
        return finished(copy)
      }
    },
  },
  {
    name: 'a stream of INSERT … RETURNING',
    async begin(client) {
      const stream = client.query(new QueryStream(INSERT, [], { batchSize: 5, highWaterMark: 5 }))
      const rows = stream[Symbol.asyncIterator]()
      await rows.next()
      return async () => {
        while ((await rows.next()).done !== true);
      }
    },
  },
  {
    name: 'a stream of INSERT … RETURNING that is destroyed early',
    async begin(client) {
      const stream = client.query(new QueryStream(INSERT, [], { batchSize: 5, highWaterMark: 5 }))
      await stream[Symbol.asyncIterator]().next()
      return () => {
        const closed = new Promise((resolve) => stream.once('close', resolve))
        stream.destroy()
        return closed
      }
    },
  },
  {
    name: 'a cursor of INSERT … RETURNING that is read in pages',
    async begin(client) {
      const cursor = client.query(new Cursor(INSERT))
      await cursor.read(10)
      return async () => {
        while ((await cursor.read(10)).length > 0);
        await cursor.close()
      }
    },
  },
  {
    name: 'a cursor of INSERT … RETURNING that is closed after a page',
    async begin(client) {
      const cursor = client.query(new Cursor(INSERT))
      await cursor.read(10)
      return () => cursor.close()
    },
  },
  {
    name: 'COPY FROM in a transaction',
    async begin(client) {
      await client.query('begin')
      const copy = client.query(from('copy items from stdin'))
      for (let id = 1; id <= ROWS; id++) copy.write(`${id}\n`)
      return async () => {
        copy.end()
        await finished(copy)
        await client.query('commit')
      }
    },
  },
]

async function count(on: { query: Session['query'] }): Promise<number | undefined> {
  const { rows } = await settled(on.query<{ n: number }>('select count(*)::int as n from items'), 'the read')
  return rows[0]?.n
}

/** What is read of a writer's rows, after another statement has ended beside it, and the replica has only that one. */
async function afterwards(writer: Writer, beside: (session: Session) => Promise<unknown>) {
  const session = pool.session()
  const client = await session.connect()
  const end = await settled(writer.begin(client), 'the beginning')
  await settled(beside(session), 'what is beside it')
  await caughtUp(world, pool, elsewhere)
  await world.pauseReplay('ord')
  await settled(end(), 'the end')
  client.release()
  return {
    bySession: await count(session),
    elsewhere: await count(elsewhere.session(session.bookmark())),
    byProcess: await count(pool),
  }
}

describe.each(WRITERS)('after $name', (writer) => {
  test('with a write beside it, its session sees its rows', async () => {
    const seen = await afterwards(writer, (session) => session.query('insert into beside values (1)'))
    expect(seen).toEqual({ bySession: ROWS, elsewhere: ROWS, byProcess: ROWS })
  })

  test('while its client is still held', async () => {
    const session = pool.session()
    const client = await session.connect()
    const end = await settled(writer.begin(client), 'the beginning')
    await settled(session.query('insert into beside values (1)'), 'what is beside it')
    await caughtUp(world, pool)
    await world.pauseReplay('ord')
    await settled(end(), 'the end')
    expect(await count(session)).toBe(ROWS)
    expect(await count(client)).toBe(ROWS)
    client.release()
  })
})

test.each([
  {
    name: 'a transaction',
    beside: (session: Session) => session.transaction((tx) => tx.query('insert into beside values (1)')),
  },
  {
    name: 'a read of the primary',
    beside: (session: Session) => session.query({ text: 'select 1', consistency: 'strong' }),
  },
])('with $name beside a COPY or a stream, its session sees its rows', async ({ beside }) => {
  for (const writer of WRITERS.slice(0, 2)) {
    expect(await afterwards(writer, beside)).toEqual({ bySession: ROWS, elsewhere: ROWS, byProcess: ROWS })
    await begin()
  }
})
