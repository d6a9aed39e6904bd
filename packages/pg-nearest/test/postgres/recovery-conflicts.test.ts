import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type Transaction, type TransactionOptions } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'

/** Replay on a standby does not wait: what gets in its way is cancelled, each time anew. */
let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({
    primary: 'nrt',
    replicas: ['ord'],
    rtt: 10,
    settings: { max_standby_streaming_delay: '0', hot_standby_feedback: 'off', autovacuum: 'off' },
  })
  await ask(world.url('nrt'), 'create table stock (n int not null); create table elsewhere (n int not null)')
})
afterAll(() => world?.stop())
beforeEach(async () => {
  await ask(world.url('nrt'), 'delete from stock; insert into stock select generate_series(1, 100)')
  pool = createPool(world.poolOptions('ord'))
  await caughtUp(world, pool)
})
afterEach(() => settled(pool.destroy(), 'the end of the pool'))

type Conflict = () => Promise<void>

/** The row versions that an open snapshot still sees are gone on the primary, and then on the standby. */
const vacuumed: Conflict = async () => {
  await ask(world.url('nrt'), 'update stock set n = n + 100')
  await ask(world.url('nrt'), 'vacuum stock')
  await caughtUp(world)
}
/** The primary had the table for itself. */
const locked: Conflict = async () => {
  await ask(
    world.url('nrt'),
    'begin; lock table stock in access exclusive mode; insert into elsewhere values (1); commit',
  )
  await caughtUp(world)
}
const rewritten: Conflict = async () => {
  await ask(world.url('nrt'), 'alter table stock alter column n type bigint; alter table stock alter column n type int')
  await caughtUp(world)
}

/** Reads, is in the way, and reads again; says where each try ran. */
function reader(conflict: Conflict): { servers: string[]; work: (tx: Transaction) => Promise<number> } {
  const servers: string[] = []
  const work = async (tx: Transaction): Promise<number> => {
    const { servedBy } = await tx.query('select n from stock')
    servers.push(servedBy.server)
    // The primary makes no conflicts for its own readers; but a lock would wait for them.
    if (servedBy.role === 'replica') await conflict()
    return (await tx.query('select n from stock')).rows.length
  }
  return { servers, work }
}

const repeatable: TransactionOptions = { readOnly: true, isolationLevel: 'repeatable read' }

describe('a read-only transaction with retries that replay has cancelled', () => {
  test.each([
    { name: 'by a vacuum', options: repeatable, conflict: vacuumed },
    { name: 'by a lock', options: { readOnly: true }, conflict: locked },
    { name: 'by a lock, with one snapshot', options: repeatable, conflict: locked },
    { name: 'by a table that is rewritten', options: { readOnly: true }, conflict: rewritten },
  ])('$name: its next try runs on another server', async ({ options, conflict }) => {
    const { servers, work } = reader(conflict)
    const rows = await settled(pool.transaction({ ...options, retries: 5 }, work), 'the transaction', 15_000)
    expect(rows).toBe(100)
    // Where the isolation level lets it, the transaction itself may have moved.
    expect(servers.filter((server) => server === 'ord')).toEqual(['ord'])
  })

  test('in a session: likewise', async () => {
    const { servers, work } = reader(vacuumed)
    const session = pool.session()
    const rows = await settled(session.transaction({ ...repeatable, retries: 5 }, work), 'the transaction', 15_000)
    expect(rows).toBe(100)
    expect(servers).toEqual(['ord', 'nrt'])
  })

  test('while a statement of it runs: likewise', async () => {
    const servers: string[] = []
    const work = async (tx: Transaction): Promise<unknown> => {
      const { servedBy } = await tx.query('select n from stock limit 1')
      servers.push(servedBy.server)
      const running = tx.query('select (select count(*)::int from stock) as n, pg_sleep(0.6)')
      if (servedBy.role === 'replica') await vacuumed()
      return (await running).rows[0]?.['n']
    }
    const rows = await settled(pool.transaction({ ...repeatable, retries: 5 }, work), 'the transaction', 15_000)
    expect(rows).toBe(100)
    expect(servers).toEqual(['ord', 'nrt'])
  })

  test('once: the next transaction runs next door again', async () => {
    const { work } = reader(vacuumed)
    await settled(pool.transaction({ ...repeatable, retries: 5 }, work), 'the transaction', 15_000)
    await caughtUp(world, pool)
    const next = await settled(
      pool.transaction({ readOnly: true }, (tx) => tx.query('select 1')),
      'the next one',
    )
    expect(next.servedBy.server).toBe('ord')
  })
})

test('without retries the conflict is the caller’s, as the server tells it', async () => {
  const { servers, work } = reader(vacuumed)
  const error = await rejectionOf(pool.transaction(repeatable, work), 'the transaction', 15_000)
  expect((error as { code?: string }).code).toMatch(/40001|NEAREST_CONNECTION_LOST/)
  expect(servers).toEqual(['ord'])
})

test('a single read is answered, whatever is in its way', async () => {
  const running = pool.query('select (select count(*)::int from stock) as n, pg_sleep(0.6)')
  await rewritten()
  const { rows } = await settled(running, 'the read', 10_000)
  expect(rows).toMatchObject([{ n: 100 }])
})
