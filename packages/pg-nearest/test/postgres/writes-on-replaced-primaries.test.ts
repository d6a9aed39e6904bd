import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { NearestPool, RoutedClient } from '../../src/index.ts'
import { formatBookmark, formatUnknownFrom } from '../../src/session/bookmark-text.ts'
import { administer, ask, until, withUsers } from './fixtures.ts'
import { within } from './settling.ts'
import { TestPools } from './test-pools.ts'
import { promoteUnheard, untilWriter } from './unheard-promotion.ts'

/** What is written on a primary that was replaced is lost once it follows the new one. */

let world: World
const pools = new TestPools()
beforeEach(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
  await administer(
    world,
    'nrt',
    `create function late() returns int language plpgsql as
       $$ begin insert into users (name) values ('Late ' || gen_random_uuid()); return 1; end $$;
     create view lateness as select late() as it;
     grant select on lateness to public`,
  )
})
afterEach(async () => {
  await pools.destroyAll()
  await world.stop()
})

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code

async function onClient(
  pool: Pick<NearestPool, 'connect'>,
  run: (client: RoutedClient) => Promise<unknown>,
): Promise<unknown> {
  const client = await pool.connect()
  try {
    return await run(client)
  } finally {
    client.release()
  }
}

const INSERT = "insert into users (name) values ('Late ' || gen_random_uuid()) returning id"
const MAY_WRITE: Readonly<Record<string, (pool: NearestPool) => Promise<unknown>>> = {
  'a write': (pool) => pool.query(INSERT),
  'what is asked of the primary': (pool) => pool.query({ text: 'select 1', route: 'primary' }),
  'a function that writes': (pool) => pool.query('select late()'),
  'a function that writes, of the primary': (pool) => pool.primary.query('select late()'),
  'a function that writes, on a client': (pool) => onClient(pool, (client) => client.query('select late()')),
  'a function that writes, behind a view': (pool) => pool.query('select * from lateness'),
  'a batch that writes': async (pool) => {
    for (const outcome of await pool.batch([INSERT, INSERT])) if (outcome.status === 'rejected') throw outcome.reason
  },
  'a batch in a transaction': (pool) => pool.batch(['select 1', INSERT], { transaction: true }),
  'a transaction that reads': (pool) => pool.transaction((tx) => tx.query('select count(*) from users')),
  'a transaction that writes': (pool) => pool.transaction((tx) => tx.query(INSERT)),
  'a transaction with a level': (pool) =>
    pool.transaction({ isolationLevel: 'repeatable read' }, (tx) => tx.query('select 1')),
  'BEGIN on a client': (pool) =>
    onClient(pool, async (client) => {
      await client.query('begin')
      await client.query('select count(*) from users')
      await client.query('commit')
    }),
  'BEGIN on a client that has read': (pool) =>
    onClient(pool, async (client) => {
      await client.query({ text: 'select 1', consistency: 'eventual' })
      await client.query('begin isolation level repeatable read')
      await client.query('commit')
    }),
  'what a transaction that only reads asks of the primary': (pool) =>
    pool.transaction({ readOnly: true }, (tx) => tx.query('select pg_current_wal_lsn()')),
  'a write on a client': (pool) => onClient(pool, (client) => client.query(INSERT)),
  COPY: (pool) =>
    onClient(pool, (client) =>
      pipeline(Readable.from([`Late ${randomUUID()}\n`]), client.query(copyFrom('copy users (name) from stdin'))),
    ),
  'a stream of what it writes': (pool) =>
    onClient(pool, async (client) => {
      for await (const _ of client.query(new QueryStream(INSERT)));
    }),
}

test('nothing that may write goes to a primary that a later timeline has replaced, as its session knows', async () => {
  const pool = await promoteUnheard(world, pools)
  const all = (): Promise<unknown> => {
    const outcomes = Object.entries(MAY_WRITE).map(([name, run]) =>
      pool
        .sharedSession('team', () => run(pool))
        .then(
          () => [name, 'done'],
          (error: unknown) => [name, codeOf(error)],
        ),
    )
    return within(20_000, 'all of them', Promise.all(outcomes))
  }
  const each = (outcome: string) => Object.keys(MAY_WRITE).map((name) => [name, outcome])
  expect(await all()).toEqual(each('NEAREST_NO_SERVER'))
  expect(await ask(world.url('nrt'), "select from users where name like 'Late%'")).toEqual([])
  // What one server is asked to say needs no other.
  const said = await pool.sharedSession('team', () => pool.queryEach('show server_version'))
  expect(said.find(({ server }) => server === 'nrt')?.rows).toHaveLength(1)
  // Whoever knows nothing of it goes on.
  expect((await pool.query(INSERT)).servedBy.server).toBe('nrt')
  world.heal('nrt', 'ord')
  await untilWriter(pool, 'ord')
  expect(await all()).toEqual(each('done'))
})

test('nor does what its session gave before it knew, and waits for a connection', async () => {
  const pool = await promoteUnheard(world, pools, { max: 1 })
  const busy = await pool.connect()
  await busy.query('begin')
  await busy.query('select count(*) from users')
  const session = pool.session()
  const given = [
    session.query(INSERT),
    session.transaction((tx) => tx.query(INSERT)),
    onClient(session, (client) => client.query(INSERT)),
  ].map((each) => each.then(() => 'done', codeOf))
  await until(() => pool.waitingCount === given.length, 'all to wait')
  await session.run(() => pool.sharedSession('team', () => {}))
  await busy.query('commit')
  busy.release()
  expect(await within(20_000, 'all of them', Promise.all(given))).toEqual(given.map(() => 'NEAREST_NO_SERVER'))
})

test.each([
  [
    'a position that nobody has',
    (system: string) => formatBookmark({ systemIdentifier: system, timeline: 9, lsn: 1n }),
  ],
  ['a timeline that nobody has', (system: string) => formatUnknownFrom({ systemIdentifier: system, timeline: 9 })],
])('%s keeps nobody from writing', async (_, make) => {
  const pool = await pools.start(world.poolOptions('nrt'))
  await pool.query('select 1')
  const [{ system } = { system: '' }] = await ask<{ system: string }>(
    world.url('nrt'),
    'select system_identifier::text as system from pg_control_system()',
  )
  const bookmark = make(system)
  const writes = [true, false].flatMap((trusted) =>
    Object.entries(MAY_WRITE).map(([name, run]) =>
      pool
        .session({ bookmark, trusted }, () => run(pool))
        .then(
          () => [name, 'done'],
          (error: unknown) => [name, error],
        ),
    ),
  )
  const names = Object.keys(MAY_WRITE)
  expect(await within(20_000, 'the writes', Promise.all(writes))).toEqual(
    [...names, ...names].map((name) => [name, 'done']),
  )
})
