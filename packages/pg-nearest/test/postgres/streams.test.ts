import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from, to } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { ask, caughtUp, scansOf, until, withUsers } from './fixtures.ts'

/** What talks to the connection by itself. */
let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 20 })
  await withUsers(world)
  pool = createPool(world.poolOptions('ord'))
})
afterAll(async () => {
  await pool.end()
  await world.stop()
})

test('COPY FROM and COPY TO', async () => {
  const client = await pool.connect()
  try {
    const rows = Readable.from(['Copied one\t1\n', 'Copied two\t2\n'])
    await pipeline(rows, client.query(from('copy users (name, age) from stdin')))
    const chunks: string[] = []
    const stream = client.query(to("copy (select name from users where name like 'Copied%' order by id) to stdout"))
    for await (const chunk of stream) chunks.push(String(chunk))
    expect(chunks.join('')).toBe('Copied one\nCopied two\n')
  } finally {
    client.release()
  }
  expect(await ask(world.url('nrt'), "delete from users where name like 'Copied%' returning age")).toEqual([
    { age: 1 },
    { age: 2 },
  ])
})

test('a query stream in a transaction sees what the transaction wrote', async () => {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query("insert into users (name) values ('Streamed')")
    const names: unknown[] = []
    for await (const row of client.query(new QueryStream("select name from users where name = 'Streamed'")))
      names.push(row)
    expect(names).toEqual([{ name: 'Streamed' }])
    await client.query('rollback')
  } finally {
    client.release()
  }
})

test('a cursor of a read-only handle runs on its replica', async () => {
  await caughtUp(world)
  const before = await scansOf(world.url('ord'), 'users')
  const own = createPool(world.poolOptions('ord'))
  // Until it is known which machine a name leads to, nothing can be proven ahead of a cursor.
  await own.refresh()
  const client = await own.replica().connect()
  const cursor = client.query(new Cursor<{ name: string }>('select name from users'))
  expect((await cursor.read(2)).length).toBe(2)
  await cursor.close()
  client.release()
  await own.end()
  await until(async () => (await scansOf(world.url('ord'), 'users')) > before, 'the replica to count it')
})

test('pool.query gives back what it was given, and releases the connection when that has ended', async () => {
  const cursor = pool.query(new Cursor('select n from generate_series(1, 3) as n'))
  expect(await cursor.read(2)).toEqual([{ n: 1 }, { n: 2 }])
  expect(pool.totalCount - pool.idleCount).toBe(1)
  await cursor.close()
  const stream = pool.replica().query(new QueryStream('select n from generate_series(1, 3) as n'))
  const rows: unknown[] = []
  for await (const row of stream) rows.push(row)
  expect(rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
  await expect(pool.query(new Cursor('selekt')).read(1)).rejects.toMatchObject({ code: '42601' })
  await until(() => pool.totalCount === pool.idleCount, 'every connection to be idle')
})
