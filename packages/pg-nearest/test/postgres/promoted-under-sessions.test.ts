import Cursor from 'pg-cursor'
import { startWorld, type World } from 'pg-nearest-world'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BookmarkStore, NearestPool, Session } from '../../src/index.ts'
import { administer, ask, caughtUp, readsSettledIn, until } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/**
 * A replica is promoted before anybody has noticed, and a session's read there is the first thing that runs on its connection since. What it
 * has shown then, or written, no later read of the session may lack.
 */

let world: World
const pools = new TestPools()

beforeEach(async () => {
  world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'ams'],
    rtt: { 'ord-ams': 1, 'ord-nrt': 20, 'ams-nrt': 20 },
  })
  await ask(
    world.url('nrt'),
    `create table items (n int);
     create function put(n int) returns int language plpgsql volatile as $$
       begin
         if not pg_is_in_recovery() then insert into items values (n); end if;
         return n;
       end $$;
     create view putting as select put(7) as n`,
  )
  await caughtUp(world)
})
afterEach(async () => {
  await pools.destroyAll()
  await world.stop()
})

async function sessionOnPromoted(lanes: boolean, oldPrimary?: 'up' | 'cut off'): Promise<Session> {
  return (await onPromoted(lanes, oldPrimary)).session
}

const EMPTY: BookmarkStore = { get: () => Promise.resolve(undefined), put: () => Promise.resolve() }

/** A session that has read in ord again and again, because ams lacks what it has written; then ord takes the writes. */
async function onPromoted(
  lanes: boolean,
  oldPrimary: 'up' | 'cut off' = 'cut off',
): Promise<{ pool: NearestPool; session: Session }> {
  // Nobody asks it while it is promoted.
  const pool = pools.create({
    ...world.poolOptions('ams'),
    probeIntervalMs: 30_000,
    max: 3,
    lanes,
    bookmarkStore: EMPTY,
  })
  pool.on('error', () => undefined)
  await pool.refresh()
  await world.pauseReplay('ams')
  const session = pool.session()
  await session.query('insert into items values (1)')
  await until(async () => (await ask(world.url('ord'), 'select n from items')).length === 1, 'ord to catch up')
  await readsSettledIn('ord', pool, () => session.query('select n from items'))
  if (oldPrimary === 'cut off') {
    world.partition('nrt', 'ams')
    world.partition('nrt', 'ord')
  }
  await administer(world, 'ord', 'select pg_promote()')
  return { pool, session }
}

/** What a later read of the session shows, where only ams is left, which has caught up with the old primary; `undefined`: it fails. */
async function readElsewhere(session: Session): Promise<number[] | undefined> {
  await world.kill('ord')
  await world.resumeReplay('ams')
  await until(async () => (await ask(world.url('ams'), 'select n from items')).length === 1, 'ams to catch up')
  return readItems(session)
}

async function readItems(session: Session): Promise<number[] | undefined> {
  try {
    const { rows } = await session.query<{ n: number }>({ text: 'select n from items order by n', timeoutMs: 3_000 })
    return rows.map(({ n }) => n)
  } catch {
    return undefined
  }
}

test.each([true, false])('what it has read there, with lanes: %s', async (lanes) => {
  const session = await sessionOnPromoted(lanes)
  await ask(world.url('ord'), 'insert into items values (2)')
  const { rows, servedBy } = await session.query('select n from items order by n')
  expect({ rows, server: servedBy.server }).toEqual({ rows: [{ n: 1 }, { n: 2 }], server: 'ord' })
  expect(await readElsewhere(session)).toBeUndefined()
})

test.each([true, false])('what a view that it has read there has written, with lanes: %s', async (lanes) => {
  const session = await sessionOnPromoted(lanes)
  const { rows } = await session.query('select n from putting')
  expect(rows).toEqual([{ n: 7 }])
  expect(await ask(world.url('ord'), 'select n from items order by n')).toEqual([{ n: 1 }, { n: 7 }])
  expect(await readElsewhere(session)).toBeUndefined()
})

test.each([
  ['down', true],
  ['down', false],
  ['cut off from here', true],
  ['cut off from here', false],
])('the old primary lacks what it has read there, which is %s then, with lanes: %s', async (how, lanes) => {
  const session = await sessionOnPromoted(lanes, 'up')
  await ask(world.url('ord'), 'insert into items values (2)')
  const { rows, servedBy } = await session.query('select n from items order by n')
  expect({ rows, server: servedBy.server }).toEqual({ rows: [{ n: 1 }, { n: 2 }], server: 'ord' })
  if (how === 'down') await world.kill('ord')
  else world.partition('ams', 'ord')
  expect(await readItems(session)).toBeUndefined()
})

test.each([true, false])(
  'the old primary lacks what it has read there, for who goes on from it, with lanes: %s',
  async (lanes) => {
    const session = await sessionOnPromoted(lanes, 'up')
    await ask(world.url('ord'), 'insert into items values (2)')
    expect((await session.query('select n from items order by n')).rows).toEqual([{ n: 1 }, { n: 2 }])
    await world.kill('ord')
    const other = await pools.start({ ...world.poolOptions('nrt'), failoverTimeoutMs: 2_000 })
    other.on('error', () => undefined)
    expect(await readItems(other.session(session.bookmark()))).toBeUndefined()
  },
)

test('the old primary lacks what a shared session within it has read there', async () => {
  const { pool, session } = await onPromoted(true, 'up')
  await ask(world.url('ord'), 'insert into items values (2)')
  const read = () => pool.sharedSession('team', () => pool.query('select n from items order by n'))
  expect((await session.run(read)).rows).toEqual([{ n: 1 }, { n: 2 }])
  await world.kill('ord')
  expect(await readItems(session)).toBeUndefined()
})

test('what a cursor has shown there, whose connection is lost behind its last row', async () => {
  const session = await sessionOnPromoted(true, 'up')
  await ask(world.url('ord'), 'insert into items values (2)')
  const client = await session.connect()
  client.on('error', () => undefined)
  const rows = await client.query(new Cursor('select n from items order by n')).read(100)
  world.partition('ams', 'ord')
  expect(rows).toEqual([{ n: 1 }, { n: 2 }])
  expect(await readItems(session)).toBeUndefined()
  client.release(true)
})
