import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type RoutedClient } from '../../src/index.ts'
import { ask, caughtUp, withUsers } from './fixtures.ts'

/** A borrowed client reads next door whenever it may. */
let world: World
let pool: NearestPool
let client: RoutedClient
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 20 })
  await withUsers(world)
})
afterAll(() => world.stop())
beforeEach(async () => {
  pool = createPool(world.poolOptions('ord'))
  client = await pool.connect()
})
afterEach(async () => {
  await pool.destroy()
})

/** Who ran it and why, in short: `ord own-region`. */
async function by(text: string): Promise<string> {
  const { servedBy } = await client.query(text)
  return `${servedBy.server} ${servedBy.reason}`
}

test('after a write it reads from the replica again, once that shows what was written', async () => {
  await client.query('select hit()')
  const { rows } = await client.query<{ n: number }>('select n from hits')
  await caughtUp(world, pool)
  expect(await by('select n from hits')).toBe('ord own-region')
  await client.query('begin')
  await client.query('select hit()')
  await client.query('commit')
  await caughtUp(world, pool)
  const again = await client.query<{ n: number }>('select n from hits')
  expect(again.servedBy.server).toBe('ord')
  expect(again.rows[0]?.n).toBe((rows[0]?.n ?? 0) + 1)
  client.release()
})

test.each<{ what: string; write: () => Promise<unknown>[] }>([
  { what: 'a write', write: () => [client.query('select hit()')] },
  { what: 'a transaction', write: () => ['begin', 'select hit()', 'commit'].map((text) => client.query(text)) },
])('what is given behind $what that nobody has awaited shows it, though the replica does not', async ({ write }) => {
  const [before] = (await client.query<{ n: number }>('select n from hits')).rows
  await caughtUp(world, pool)
  expect(await by('select n from hits'), 'it is near').toBe('ord own-region')
  await world.pauseReplay('ord')
  try {
    const written = Promise.all(write())
    const reads = Array.from({ length: 3 }, () => client.query<{ n: number }>('select n from hits'))
    const shown = (await Promise.all(reads)).map(({ rows }) => rows[0]?.n)
    await written
    const after = (before?.n ?? 0) + 1
    expect(shown).toEqual([after, after, after])
  } finally {
    await world.resumeReplay('ord')
    client.release()
  }
})

test('what ends the state of its connection frees it', async () => {
  const after = async (...texts: string[]): Promise<string> => {
    for (const text of texts) await client.query(text)
    await caughtUp(world, pool)
    return by('select 1')
  }
  expect(await after("set work_mem = '5MB'", 'reset all')).toBe('ord own-region')
  expect(await after('listen news', "set work_mem = '5MB'", 'reset all')).toBe('nrt pinned')
  expect(await after('discard all')).toBe('ord own-region')
  expect(await after('show work_mem', "select current_setting('work_mem')", "set local work_mem = '6MB'")).toBe(
    'ord own-region',
  )
  client.release()
})

describe('settings in a READ ONLY transaction', () => {
  const who = "select current_setting('app.who') as who"
  const LOCALS = ["set local app.who = 'ada'", "select set_config('app.who', 'ada', true)"]

  test.each(LOCALS)('it stays on the replica with: %s', async (text) => {
    await client.query('begin read only')
    expect(await by(text)).toBe('ord transaction')
    expect(await by('show work_mem')).toBe('ord transaction')
    const { rows, servedBy } = await client.query(who)
    expect([rows, servedBy.server]).toEqual([[{ who: 'ada' }], 'ord'])
    await client.query('commit')
    expect((await client.query("select current_setting('app.who', true) as who")).rows).toEqual([{ who: null }])
    client.release()
  })

  test.each(LOCALS)('where it has to move, it takes it along: %s', async (text) => {
    await client.query('begin read only')
    await client.query(text)
    expect(await by('select pg_advisory_xact_lock(7)')).toBe('nrt transaction')
    expect((await client.query(who)).rows).toEqual([{ who: 'ada' }])
    await client.query('commit')
    client.release()
  })

  test.each([
    { name: 'what was set', given: ["set local app.who = 'ada'"], first: [], shows: who, gives: { who: 'ada' } },
    {
      name: 'its modes',
      given: ['set transaction isolation level repeatable read'],
      first: ['select 1'],
      shows: 'show transaction_isolation',
      gives: { transaction_isolation: 'repeatable read' },
    },
    {
      name: 'those of its chain',
      given: ['set transaction isolation level repeatable read', 'commit and chain'],
      first: ['select 1'],
      shows: 'show transaction_isolation',
      gives: { transaction_isolation: 'repeatable read' },
    },
  ])('it begins again elsewhere with $name, when its connection is lost', async ({ given, first, shows, gives }) => {
    await client.query('begin read only')
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    for (const each of given) await client.query(each)
    await ask(
      world.url('ord'),
      `select pg_terminate_backend(${String((client as unknown as { processID: number }).processID)})`,
    )
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    for (const each of first) await client.query(each)
    expect((await client.query(shows)).rows).toEqual([gives])
    await client.query('commit')
    client.release()
  })
})
