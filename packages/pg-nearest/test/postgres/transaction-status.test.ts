import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type NearestPoolOptions, type RoutedClient } from '../../src/index.ts'
import { ask, withUsers } from './fixtures.ts'
import { errorOf, within } from './settling.ts'

const BOUND_MS = 5_000
const TIMES = 2

let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
  await ask(
    world.url('nrt'),
    `create table parents (id int primary key);
     create table children (parent int references parents deferrable initially deferred);
     create table notes (text text);
     create function make_many_tables() returns void language plpgsql as $$ begin
       for i in 1..40 loop execute format('create table one_of_many_%s (id int primary key)', i); end loop;
     end $$;`,
  )
})
afterAll(() => world.stop())
beforeEach(async () => {
  await ask(world.url('nrt'), 'truncate notes')
  // With one connection to each server, whoever comes next has the same one.
  pool = createPool({ ...world.poolOptions('nrt'), max: 1 })
  pool.on('error', () => undefined)
})
afterEach(() => within(BOUND_MS, 'destroy()', pool.destroy()))

/** Takes a while to be undone, so that its error is known before the server says where it stands. */
const HEAVY = 'select make_many_tables()'

const ALONE =
  'select 1 as one, now() = statement_timestamp() as alone, pg_current_xact_id_if_assigned() is null as clean'

/** Whoever comes next is outside of any transaction, and what it writes is there for others. */
async function nextIsAlone(): Promise<void> {
  const answers = await Promise.all(
    [pool.primary.query(ALONE), pool.replica().query('select 1 as one'), pool.primary.query(ALONE)].map((each) =>
      within(BOUND_MS, 'the next statement', each),
    ),
  )
  const alone = { one: 1, alone: true, clean: true }
  expect(answers.map(({ rows }) => rows)).toEqual([[alone], [{ one: 1 }], [alone]])
  await within(BOUND_MS, 'the next write', pool.query("insert into notes values ('next')"))
  expect(await ask(world.url('nrt'), "delete from notes where text = 'next' returning 1 as one")).toEqual([{ one: 1 }])
}

describe('a text of several statements, by pool.query: the next statement runs outside of a transaction', () => {
  const BEGUN = `begin; insert into notes values ('left open'); ${HEAVY}`

  test.each([
    { name: 'that fails after its BEGIN', text: `${BEGUN}; select 1/0; commit`, code: '22012' },
    { name: 'whose BEGIN is never ended', text: BEGUN, code: undefined },
    { name: 'whose last statement fails', text: `${BEGUN}; select no_such_column`, code: '42703' },
    { name: 'with an error in BEGIN itself', text: 'begin isolation level sometimes; select 1', code: '42601' },
    { name: 'whose COMMIT fails', text: `begin; ${HEAVY}; insert into children values (1); commit`, code: '23503' },
    { name: 'with AND CHAIN', text: `${BEGUN}; rollback and chain`, code: undefined },
    { name: 'that begins again', text: `begin; rollback; ${BEGUN}; select 1/0`, code: '22012' },
    { name: 'that is read-only', text: 'begin read only; select 1/0', code: '22012' },
  ])('$name', async ({ text, code }) => {
    for (let i = 0; i < TIMES; i++) {
      const failed = errorOf(BOUND_MS, text, pool.query(text))
      const behind = Promise.all([
        errorOf(BOUND_MS, 'a read behind it', pool.primary.query('select 1')),
        errorOf(BOUND_MS, 'a write behind it', pool.query("insert into notes values ('behind')")),
      ])
      const error = await failed
      if (code === undefined) expect(error).toBeUndefined()
      else expect(error).toMatchObject({ code })
      expect(await behind).toEqual([undefined, undefined])
      await nextIsAlone()
    }
    const rows = await ask<{ text: string; n: number }>(
      world.url('nrt'),
      'select text, count(*)::int as n from notes group by text',
    )
    expect(rows).toEqual([{ text: 'behind', n: TIMES }])
  })

  test.each<{ name: string; run: (text: string) => Promise<unknown> }>([
    { name: 'pool.primary', run: (text) => pool.primary.query(text) },
    { name: 'a call with a time', run: (text) => pool.query({ text, timeoutMs: 4_000 }) },
  ])('by $name', async ({ run }) => {
    for (let i = 0; i < TIMES; i++) {
      expect(await errorOf(BOUND_MS, 'it', run(`begin; ${HEAVY}; select 1/0; commit`))).toMatchObject({ code: '22012' })
      await nextIsAlone()
    }
  })

  test('whose transaction is cut off by its time', async () => {
    const late = pool.query({ text: 'begin; select pg_sleep(30); commit', timeoutMs: 200 })
    expect(await errorOf(BOUND_MS, 'it', late)).toMatchObject({ code: 'NEAREST_TIMEOUT' })
    await nextIsAlone()
  })
})

describe.each<{ name: string; options: () => NearestPoolOptions }>([
  { name: 'in a world', options: () => world.poolOptions('nrt') },
  { name: 'with one database', options: () => ({ primary: world.url('nrt'), consistency: 'eventual' }) },
])('a COMMIT that fails, $name: there is no transaction any more', ({ options }) => {
  let client: RoutedClient
  beforeEach(async () => {
    await pool.destroy()
    pool = createPool({ ...options(), max: 1 })
    pool.on('error', () => undefined)
    client = await pool.connect()
  })

  /** The client is outside of a transaction, and what it writes now is committed at once. */
  async function clientIsFree(): Promise<void> {
    expect(client.getTransactionStatus()).toBe('I')
    const own = client.query("select 'own' as whose")
    const { rows, servedBy } = await within(BOUND_MS, 'the next statement', own)
    expect(rows).toEqual([{ whose: 'own' }])
    expect(servedBy.reason).not.toBe('transaction')
    await within(BOUND_MS, 'the next write', client.query("insert into notes values ('after COMMIT')"))
    const deleted = await ask(world.url('nrt'), "delete from notes where text = 'after COMMIT' returning 1 as one")
    expect(deleted).toEqual([{ one: 1 }])
    const next = [client.query('begin'), client.query("insert into notes values ('undone')"), client.query('rollback')]
    await within(BOUND_MS, 'the next transaction', Promise.all(next))
    expect(await ask(world.url('nrt'), 'select text from notes')).toEqual([])
    client.release()
    await nextIsAlone()
  }

  test('for a deferred constraint', async () => {
    await client.query('begin')
    await client.query(HEAVY)
    await client.query('insert into children values (1)')
    expect(await errorOf(BOUND_MS, 'COMMIT', client.query('commit'))).toMatchObject({ code: '23503' })
    await clientIsFree()
  })

  test('for a deferred constraint, and nothing was awaited', async () => {
    const all = ['begin', HEAVY, 'insert into children values (1)', 'commit'].map((text) => client.query(text))
    const outcomes = await within(BOUND_MS, 'all of them', Promise.allSettled(all))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
    await clientIsFree()
  })

  test('with AND CHAIN', async () => {
    await client.query('begin')
    await client.query(HEAVY)
    await client.query('insert into children values (1)')
    expect(await errorOf(BOUND_MS, 'COMMIT', client.query('commit and chain'))).toMatchObject({ code: '23503' })
    await clientIsFree()
  })

  test('and whose next statement is not awaited behind it', async () => {
    await client.query('begin')
    await client.query(HEAVY)
    await client.query('insert into children values (1)')
    const commit = errorOf(BOUND_MS, 'COMMIT', client.query('commit'))
    const behind = errorOf(BOUND_MS, 'a write behind it', client.query("insert into notes values ('behind it')"))
    expect(await commit).toMatchObject({ code: '23503' })
    expect(await behind).toBeUndefined()
    expect(await ask(world.url('nrt'), 'delete from notes returning text')).toEqual([{ text: 'behind it' }])
    await clientIsFree()
  })

  test('PREPARE TRANSACTION that fails', async () => {
    await client.query('begin')
    await client.query(HEAVY)
    const prepared = client.query("prepare transaction 'never'")
    expect(await errorOf(BOUND_MS, 'PREPARE TRANSACTION', prepared)).toMatchObject({ code: '55000' })
    await clientIsFree()
  })

  test('for a serialization failure', async () => {
    await ask(world.url('nrt'), 'truncate parents cascade')
    const other = createPool({ ...world.poolOptions('nrt') })
    const rival = await other.connect()
    for (const [who, id] of [
      [client, 10],
      [rival, 11],
    ] as const) {
      await who.query('begin isolation level serializable')
      await who.query('select count(*) from parents')
      await who.query('insert into parents values ($1)', [id + 10])
      if (who === client) await who.query(HEAVY)
    }
    await rival.query('commit')
    expect(await errorOf(BOUND_MS, 'COMMIT', client.query('commit'))).toMatchObject({ code: '40001' })
    rival.release()
    await within(BOUND_MS, 'end()', other.end())
    await clientIsFree()
  })

  test('in transaction(): its error is passed on, and the next one runs', async () => {
    client.release()
    const work = pool.transaction(async (tx) => {
      await tx.query(HEAVY)
      await tx.query('insert into children values (1)')
    })
    expect(await errorOf(BOUND_MS, 'transaction()', work)).toMatchObject({ code: '23503' })
    const next = pool.transaction((tx) => tx.query('select 1 as one'))
    expect((await within(BOUND_MS, 'the next transaction()', next)).rows).toEqual([{ one: 1 }])
    await nextIsAlone()
  })

  test('and the client is released at once: the next borrower is outside of it', async () => {
    await client.query('begin')
    await client.query(HEAVY)
    await client.query('insert into children values (1)')
    const commit = errorOf(BOUND_MS, 'COMMIT', client.query('commit'))
    expect(await commit).toMatchObject({ code: '23503' })
    client.release()
    await nextIsAlone()
  })
})
