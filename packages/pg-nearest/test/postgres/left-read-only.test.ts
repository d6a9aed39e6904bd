import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions, Transaction } from '../../src/index.ts'
import { caughtUp, withUsers } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 2 })
  await withUsers(world)
})
afterAll(() => world?.stop())
afterEach(() => pools.destroyAll())

const WRITE = 'update hits set n = n + 1'

async function leftReadOnly(options: NearestPoolOptions): Promise<NearestPool> {
  const pool = await pools.start(options)
  await caughtUp(world)
  const client = await pool.connect()
  await client.query('set default_transaction_read_only = on')
  client.release()
  return pool
}

test('with one database, a connection that a client has left READ ONLY refuses one write, as in pg', async () => {
  const pool = await leftReadOnly({ primary: world.url('nrt') })
  await expect(pool.query(WRITE)).rejects.toMatchObject({ code: 'NEAREST_READ_ONLY' })
  expect((await pool.query(WRITE)).rowCount).toBe(1)
})

test('with several servers none: the write that it refuses is sent again, once the roles have been looked up', async () => {
  const pool = await leftReadOnly(world.poolOptions('ord'))
  expect((await pool.query(WRITE)).rowCount).toBe(1)
  expect((await pool.query(WRITE)).rowCount).toBe(1)
})

const TRANSACTIONS: readonly { how: string; work: (transaction: Transaction) => Promise<unknown> }[] = [
  { how: 'that writes at once', work: ({ query }) => query(WRITE) },
  { how: 'that ends with its write', work: ({ commitWith }) => commitWith(WRITE) },
  {
    how: 'that reads first',
    work: async ({ query }) => {
      await query('select 1')
      await query(WRITE)
    },
  },
]

describe.each([
  { where: 'with one database', options: (): NearestPoolOptions => ({ primary: world.url('nrt') }) },
  { where: 'with several servers', options: (): NearestPoolOptions => world.poolOptions('ord') },
])('$where', ({ options }) => {
  test.each(TRANSACTIONS)('a transaction $how is refused there once at most', async ({ work }) => {
    const pool = await leftReadOnly(options())
    await pool.transaction(work).catch((error: unknown) => expect(error).toMatchObject({ code: '25006' }))
    await pool.transaction(work)
  })
})

test('whoever sets it himself keeps his connection, and can set it back', async () => {
  const pool = await pools.start(world.poolOptions('ord'))
  const client = await pool.primary.connect()
  const pid = async (): Promise<unknown> => (await client.query('select pg_backend_pid() as pid')).rows[0]
  const before = await pid()
  await client.query('set default_transaction_read_only = on')
  await expect(client.query(WRITE)).rejects.toMatchObject({ code: '25006' })
  await client.query('set default_transaction_read_only = off')
  expect((await client.query(WRITE)).rowCount).toBe(1)
  expect(await pid()).toEqual(before)
  client.release()
})
