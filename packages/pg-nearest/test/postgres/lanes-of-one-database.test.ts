import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { ask } from './fixtures.ts'
import { inSomeTry } from './in-some-try.ts'
import { TestPools } from './test-pools.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt' })
  await ask(
    world.url('nrt'),
    `create table notes (n int primary key, note text);
     insert into notes values (1, null);
     create view sharing as select current_setting('transaction_read_only') as setting, note from notes where n = 1`,
  )
})
afterAll(() => world.stop())

const pools = new TestPools()
afterEach(() => pools.destroyAll())

interface Sharing {
  /** It tells by itself whether it shares a connection: there it is READ ONLY. */
  readonly setting: string
  readonly note: string | null
}

const SHARED = 'select setting, note from sharing'

async function start(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  const pool = pools.create({ primary: world.url('nrt'), lanes: true, ...options })
  for (let i = 0; i < 5_000; i++) if ((await readAll(pool, 1)).every(({ setting }) => setting === 'on')) return pool
  throw new Error('nothing shared a connection')
}

function readAll(pool: NearestPool, count: number): Promise<Sharing[]> {
  return Promise.all(
    Array.from({ length: count }, async () => (await pool.query<Sharing>(SHARED)).rows[0] ?? { setting: '', note: '' }),
  )
}

test('reads of the only server share a connection', async () => {
  const pool = await start()
  await inSomeTry(async () => {
    const reads = await readAll(pool, 100)
    return reads.filter(({ setting }) => setting === 'on').length > 50
  })
})

test('what a string means there goes by what a client has set on their connection', async () => {
  const pool = await start({ max: 1 })
  const text = `select extract(hour from timestamptz '2026-01-02 03:00' at time zone 'utc')::int as hour, setting, note from sharing`
  const setZone = async (zone: string): Promise<void> => {
    const client = await pool.connect()
    await client.query(`set timezone to '${zone}'`)
    client.release()
  }
  await setZone('utc')
  let shared = 0
  for (let i = 0; i < 2_000 && shared < 5; i++) {
    const { rows } = await pool.query<Sharing & { hour: number }>(text)
    if (rows[0]?.setting === 'on') shared++
  }
  await setZone('Asia/Tokyo')
  expect((await pool.query(text)).rows).toMatchObject([{ hour: 18 }])
})

test('they see what was written before, and run in the transaction that a pool of one connection has begun', async () => {
  const pool = await start({ max: 1 })
  const notes = async (): Promise<(string | null)[]> => (await readAll(pool, 10)).map(({ note }) => note)
  const ten = (note: string): string[] => Array.from({ length: 10 }, () => note)
  for (let i = 0; i < 10; i++) {
    await pool.query('update notes set note = $1', [`${i}`])
    expect(await notes()).toEqual(ten(`${i}`))
  }
  await pool.query('begin')
  await pool.query("update notes set note = 'inside'")
  expect(await notes()).toEqual(ten('inside'))
  await pool.query('rollback')
  expect(await notes()).toEqual(ten('9'))
})

test('where there is one connection, statements run in the order in which they were given', async () => {
  const pool = await start({ max: 1 })
  await pool.query("update notes set note = 'before'")
  for (let i = 0; i < 10; i++) {
    const before = readAll(pool, 5)
    const rest = [pool.query('begin'), pool.query("update notes set note = 'inside'")]
    const inside = readAll(pool, 5)
    rest.push(pool.query('rollback'))
    const after = readAll(pool, 5)
    await Promise.all(rest)
    const notes = [await before, await inside, await after].flatMap((reads) => reads.map(({ note }) => note))
    expect(notes).toEqual([5, 5, 5].flatMap((n, k) => Array.from({ length: n }, () => (k === 1 ? 'inside' : 'before'))))
  }
})

test('unless lanes are switched on, each has a connection to itself', async () => {
  const pool = pools.create({ primary: world.url('nrt'), lanes: false, max: 7 })
  for (let i = 0; i < 5; i++) expect((await readAll(pool, 50)).every(({ setting }) => setting === 'off')).toBe(true)
  expect(pool.totalCount).toBe(7)
})
