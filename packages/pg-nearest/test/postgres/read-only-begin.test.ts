import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { caughtUp, withUsers } from './fixtures.ts'
import { within } from './settling.ts'

/** The primary dies before a transaction that only reads has been begun on it: a replica can begin it as well. */
let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
  pool = createPool({ ...world.poolOptions('nrt'), failoverTimeoutMs: 20_000 })
  await pool.refresh()
  await pool.query('update users set age = 1')
  await caughtUp(world, pool)
  await world.kill('nrt')
})
afterAll(async () => {
  await pool.destroy()
  await world.stop()
})

const far = new AbortController()

test.each([
  { what: 'a statement that travels with it', query: 'select count(*)::int as n from users' },
  { what: 'one with a signal of its own', query: { text: 'select count(*)::int as n from users', signal: far.signal } },
])('$what: it is begun on a replica, and waits for no primary', async ({ query }) => {
  const read = pool.transaction({ readOnly: true }, async (transaction) => {
    const { rows, servedBy } = await transaction.query(query)
    return { rows, server: servedBy.server }
  })
  expect(await within(5_000, 'the transaction', read)).toEqual({ rows: [{ n: 3 }], server: 'ord' })
})

test.each([
  { where: 'the pool', on: (own: NearestPool) => own },
  { where: 'a read-only handle', on: (own: NearestPool) => own.replica() },
])('on $where: many at once, the first that a process asks for, are begun on one machine', async ({ on }) => {
  await using own = createPool({ ...world.poolOptions('ord'), failoverTimeoutMs: 500 })
  own.on('error', () => undefined)
  const read = () => on(own).transaction({ readOnly: true }, (transaction) => transaction.query('select 1'))
  for (let round = 0; round < 2; round++) {
    // oxlint-disable-next-line no-await-in-loop -- one round after the other
    const reads = await within(10_000, 'the transactions', Promise.all(Array.from({ length: 20 }, read)))
    const reasons = new Set(reads.map(({ servedBy }) => `${servedBy.server}: ${servedBy.reason}`))
    expect(reasons, `round ${round}`).toEqual(new Set(['ord: transaction']))
  }
  expect((await own.query('select 1')).servedBy).toMatchObject({ server: 'ord', reason: 'own-region' })
})
