import { finished } from 'node:stream/promises'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { to } from 'pg-copy-streams'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { ask } from './fixtures.ts'
import { errorOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** With one database and `max: 1` all share one transaction: what a read-only handle reads in it leaves it as it was. */
const BOUND_MS = 5_000

let world: World
let pool: NearestPool
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: [] })
  await ask(world.url('nrt'), 'create table notes (text text); create table others (n int)')
})
afterAll(() => world.stop())
beforeEach(async () => {
  await ask(world.url('nrt'), 'truncate notes')
  pool = await pools.start({ primary: world.url('nrt'), max: 1 })
})
afterEach(() => pools.destroyAll())

const READ = 'select text from notes'
const insert = (text: string) => ({ text: 'insert into notes values ($1)', values: [text] })
type Handle = ReturnType<NearestPool['replica']>

const READINGS: readonly [string, (handle: Handle) => Promise<unknown>][] = [
  ['a text', (handle) => handle.query(READ)],
  ['a text with values', (handle) => handle.query(`${READ} where text <> $1`, ['other'])],
  ['a prepared statement', (handle) => handle.query({ name: 'reading', text: READ })],
  ['several statements', (handle) => handle.query(`${READ}; ${READ}`)],
  ['a text whose end is not clear', (handle) => handle.query(`${READ} where text <> ';'`)],
  ['a batch', (handle) => handle.batch([READ, READ])],
  [
    'a cursor',
    async (handle) => {
      const cursor = handle.query(new Cursor<{ text: string }>(READ))
      const rows = await cursor.read(10)
      await cursor.close()
      return { rows }
    },
  ],
  ['a stream', (handle) => finished(handle.query(new QueryStream(READ)).resume())],
  ['a COPY', (handle) => finished(handle.query(to(`copy (${READ}) to stdout`)).resume())],
  [
    'a borrowed client',
    async (handle) => {
      const client = await handle.connect()
      try {
        return await client.query(READ)
      } finally {
        client.release()
      }
    },
  ],
]

describe.each([true, false])('with pipeline: %s', (pipeline) => {
  beforeEach(async () => {
    pool = await pools.start({ primary: world.url('nrt'), max: 1, pipeline })
    for (let i = 0; i < 5; i++) await pool.replica().query(READ)
    await pool.query('begin')
    await pool.query(insert('ahead'))
  })

  const expectWritable = async (): Promise<void> => {
    expect(await errorOf(BOUND_MS, 'the write', pool.query(insert('behind')))).toBeUndefined()
    await pool.query('commit')
    expect((await pool.query(`${READ} order by 1`)).rows).toEqual([{ text: 'ahead' }, { text: 'behind' }])
  }

  test.each(READINGS)('%s reads in it, and it can be written on', async (_what, read) => {
    const got = await settled(read(pool.replica()), 'the read', BOUND_MS)
    if (typeof got === 'object' && got !== null && 'rows' in got) expect(got.rows).toEqual([{ text: 'ahead' }])
    await expectWritable()
  })

  test('many at once read in it, and it can be written on', async () => {
    const handles = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? pool : pool.replica()))
    const all = await settled(Promise.all(handles.map((handle) => handle.query(READ))), 'the reads', BOUND_MS)
    expect(all.map(({ rows }) => rows)).toEqual(all.map(() => [{ text: 'ahead' }]))
    await expectWritable()
  })

  test.each([
    "insert into notes values ('never')",
    "set transaction read write; insert into notes values ('never')",
    "set transaction_read_only = off; insert into notes values ('never')",
    "release pg_nearest_reads; insert into notes values ('never')",
    "do $$ begin set transaction read write; insert into notes values ('never'); end $$",
    "select set_config('transaction_read_only', 'off', false); insert into notes values ('never')",
    'select text from notes for update',
  ])('%s is refused in it', async (text) => {
    expect(await errorOf(BOUND_MS, 'it', pool.replica().query(text))).toMatchObject({ name: expect.any(String) })
    await pool.query('commit')
    expect((await pool.query(READ)).rows).toEqual([])
  })

  test('what cannot be sent leaves it as it was', async () => {
    const values = [{ toPostgres: () => JSON.parse('{') }]
    const unsent = pool.replica().query('select $1', values)
    expect(await errorOf(BOUND_MS, 'it', unsent)).toMatchObject({ name: 'SyntaxError' })
    await expectWritable()
  })

  test('a handle may end it, and begin none', async () => {
    await pool.replica().query('savepoint mine')
    await pool.query(insert('undone'))
    await pool.replica().query('rollback to mine')
    await pool.replica().query('commit')
    expect((await pool.query(READ)).rows).toEqual([{ text: 'ahead' }])
  })
})

test('a transaction that a client has begun behind the end of a shared one is rolled back with its release', async () => {
  await pool.query('begin')
  await pool.query(insert('shared'))
  const client = await pool.connect()
  await client.query('commit')
  await client.query('begin')
  await client.query(insert('its own'))
  client.release()
  expect((await settled(pool.query(READ), 'the next', BOUND_MS)).rows).toEqual([{ text: 'shared' }])
})
