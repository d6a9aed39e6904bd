import Cursor from 'pg-cursor'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions, RoutedClient } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** Whatever a program does on a server that gets no writes, it writes nothing there. */

let ours: World
let foreign: World
let copy: World
const pools = new TestPools()
const NOTES = `create table notes (n int);
  create function note() returns int language sql volatile as 'insert into notes values (1) returning n';
  create function note_late() returns int language plpgsql volatile as
    $$ begin perform pg_sleep(case when pg_is_in_recovery() then 0.3 else 0 end);
       insert into notes values (1); return 1; end $$`
const NOTE = 'insert into notes values (1)'
const UNREACHABLE = 'postgres://app@127.0.0.1:1/app'

beforeAll(async () => {
  // A world that is not fresh is a copy of the same cluster, on the same timeline.
  ;[ours, foreign, copy] = await Promise.all([
    startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 20 }),
    startWorld({ primary: 'ord', fresh: true }),
    startWorld({ primary: 'ams' }),
  ])
  for (const world of [ours, foreign, copy]) await ask(world.url(world.primary), NOTES)
  await caughtUp(ours)
})
beforeEach(async () => {
  for (const world of [foreign, copy]) await ask(world.url(world.primary), 'truncate notes')
})
afterEach(() => pools.destroyAll())
afterAll(() => Promise.all([ours, foreign, copy].map((world) => world?.stop())))

const notesOf = async (world: World): Promise<number> =>
  (await ask<{ n: number }>(world.url(world.primary), 'select count(*)::int as n from notes'))[0]?.n ?? -1

/** Ends with an error, or has written. */
type Program = (client: RoutedClient) => Promise<unknown>

const inTurn =
  (...texts: readonly string[]): Program =>
  async (client) => {
    for (const text of texts) await client.query(text)
  }

/** As a program does that goes on after an error. */
const regardless =
  (...texts: readonly string[]): Program =>
  async (client) => {
    for (const text of texts.slice(0, -1)) await client.query(text).catch(() => undefined)
    await client.query(texts.at(-1) ?? '')
  }

const PROGRAMS: readonly { readonly name: string; readonly run: Program }[] = [
  { name: 'a read and a write', run: inTurn('select 1', NOTE) },
  { name: 'a read and a function that writes', run: inTurn('select 1', 'select note()') },
  { name: 'a read and a transaction', run: inTurn('select 1', 'begin', NOTE, 'commit') },
  { name: 'a read, a setting and a write', run: inTurn('select 1', "set application_name = 'x'", NOTE) },
  {
    name: 'a read and a cursor that writes',
    run: async (client) => {
      await client.query('select 1')
      const cursor = client.query(new Cursor(`${NOTE} returning n`))
      await cursor.read(1)
      await cursor.close()
    },
  },
  {
    name: 'one that is chained to one that has failed',
    run: regardless('begin read only', 'select 1/0', 'rollback and chain', NOTE, 'commit'),
  },
  { name: 'one that was rolled back, and a write', run: inTurn('begin read only', 'select 1', 'rollback', NOTE) },
]

/** These write nowhere, or not from where they began. */
const REFUSED: readonly { readonly name: string; readonly run: Program }[] = [
  {
    name: 'a transaction that only reads until it is made to write',
    run: inTurn('begin read only', 'set transaction read write', NOTE, 'commit'),
  },
  {
    name: 'the same, by other words',
    run: inTurn(
      'start transaction read only',
      'set transaction isolation level read committed, read write',
      NOTE,
      'commit',
    ),
  },
  { name: 'a function that writes where only is read', run: inTurn('begin read only', 'select note()') },
  {
    name: 'a setting that makes it write, behind a read',
    run: inTurn('begin read only', 'select 1', "select set_config('transaction_read_only', 'off', true)", NOTE),
  },
  { name: 'several statements in one text', run: inTurn('begin read only', `select 1; commit; ${NOTE}`) },
  {
    name: 'a transaction chained to one that only reads',
    run: inTurn('begin read only', 'select 1', 'commit and chain', NOTE),
  },
]

async function borrow(pool: NearestPool, run: Program): Promise<unknown> {
  const client = await pool.connect()
  try {
    return await run(client)
  } finally {
    client.release(true)
  }
}

const foreignNextDoor = (primary: string): NearestPoolOptions => ({
  region: 'ord',
  primary: { region: 'nrt', url: primary },
  replicas: { ord: foreign.url('ord') },
  failoverTimeoutMs: 200,
})

describe('a foreign primary next door, before anything is known', () => {
  test.each(PROGRAMS)('$name: the declared primary gets it', async ({ run }) => {
    const before = await notesOf(ours)
    await borrow(pools.create(foreignNextDoor(ours.url('nrt'))), run)
    expect(await Promise.all([ours, foreign].map(notesOf))).toEqual([before + 1, 0])
  })

  test.each(REFUSED)('$name: nobody gets it, unless it began on the declared primary', async ({ run }) => {
    const before = await notesOf(ours)
    const program = borrow(pools.create(foreignNextDoor(ours.url('nrt'))), run)
    // A quick probe may have told already that only the declared primary counts.
    const written = await settled(
      program.then(
        () => 1,
        () => 0,
      ),
      'the program',
    )
    expect(await Promise.all([ours, foreign].map(notesOf))).toEqual([before + written, 0])
  })

  test.each(REFUSED.slice(0, 2))('$name: it is said what to do', async ({ run }) => {
    const refused = await rejectionOf(borrow(pools.create(foreignNextDoor(UNREACHABLE)), run), 'the program')
    expect(refused).toMatchObject({
      code: 'NEAREST_NOT_HERE',
      message: expect.stringMatching(/began READ ONLY on ord, which gets no writes.*: roll it back, and begin/),
      cause: { code: '25001' },
    })
  })
})

describe('a foreign primary next door, while the declared one is down', () => {
  test.each([...PROGRAMS, ...REFUSED])('$name: nobody gets it', async ({ run }) => {
    const pool = await pools.start(foreignNextDoor(UNREACHABLE))
    await rejectionOf(borrow(pool, run), 'the program')
    expect(await notesOf(foreign)).toBe(0)
  })

  test('nor by a slow read that is hedged there and turns out to write', async () => {
    const pool = await pools.start({
      ...foreignNextDoor(UNREACHABLE),
      replicas: { ord: ours.url('ord'), ams: foreign.url('ord') },
      hedge: { percentile: 0.1, budget: 1 },
    })
    for (let i = 0; i < 60; i++) await pool.query('select 1')
    for (let i = 0; i < 4; i++) await rejectionOf(pool.query(`select note_late() as n${i}`), 'the statement')
    expect(await notesOf(foreign)).toBe(0)
  })
})

test.each([
  ['under another name', 'ord'],
  ['under its name', 'nrt'],
])('a client that has written to a server which was replaced %s writes to the new primary', async (_, region) => {
  const pool = pools.create({ primary: { region: 'nrt', url: ours.url('nrt') } })
  const next = { primary: { region, url: foreign.url('ord') } }
  const [free, busy] = [await pool.connect(), await pool.connect()]
  await free.query(NOTE)
  await busy.query('begin')
  await busy.query(NOTE)
  const before = await notesOf(ours)
  pool.setServers(next)
  await free.query(NOTE)
  // What was begun there ends there.
  await busy.query('commit')
  free.release()
  busy.release()
  expect(await Promise.all([ours, foreign].map(notesOf))).toEqual([before + 1, 1])
})

describe('a copy of the cluster on its timeline, seen beside the primary', () => {
  let pool: NearestPool
  // The last tests here, because they need the primary no more.
  beforeAll(async () => {
    const listed = { ord: ours.url('ord'), ams: copy.url('ams') }
    const options = { primary: { region: 'nrt', url: ours.url('nrt') }, replicas: listed, failoverTimeoutMs: 200 }
    pool = await new TestPools().start({ region: 'ams', ...options })
    await pool.query(NOTE)
    await ours.kill('nrt')
    await rejectionOf(pool.query(NOTE), 'the statement')
  })
  afterAll(() => pool?.destroy())

  test.each([NOTE, 'select note()', { text: 'select note()', consistency: 'eventual' }] as const)(
    'gets no write when the primary is gone, though a replica seems to follow it: %j',
    async (config) => {
      await rejectionOf(pool.query(config as never), 'the statement')
      expect(await notesOf(copy)).toBe(0)
    },
  )

  test.each(PROGRAMS.slice(0, 3))('nor by a client: $name', async ({ run }) => {
    await rejectionOf(borrow(pool, run), 'the program')
    expect(await notesOf(copy)).toBe(0)
  })

  test('and a replica that is promoted gets them', async () => {
    await ours.promote('ord')
    await pool.refresh()
    expect((await pool.query(NOTE)).servedBy).toMatchObject({ server: 'ord' })
    expect(await notesOf(copy)).toBe(0)
  })
})
