import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isOutcomeUnknownError, type NearestPool, type Transaction } from '../../src/index.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { rejectionOf, settled, terminate } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** A COMMIT that travels with the last statement commits only what would have been committed behind it. */
let world: World
let pool: NearestPool
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(
    world.url('nrt'),
    'create table notes (text text primary key, twin text references notes (text) deferrable initially deferred)',
  )
  await caughtUp(world)
  pool = await pools.start(world.poolOptions('ord'))
})
afterAll(async () => {
  await pools.destroyAll()
  await world?.stop()
})
beforeEach(() => ask(world.url('nrt'), 'truncate notes'))

const notes = async (): Promise<unknown[]> =>
  (await ask<{ text: string }>(world.url('nrt'), 'select text from notes order by text')).map(({ text }) => text)

const insert = (text: string): { text: string; values: string[] } => ({
  text: 'insert into notes values ($1) returning text',
  values: [text],
})
const DIVISION = { code: '22012' }
const OVER = { code: 'NEAREST_TRANSACTION_OVER' }

/** Both ways in which COMMIT is sent along. */
const WAYS: readonly (readonly [string, (tx: Transaction, text: string, values?: unknown[]) => Promise<unknown>])[] = [
  ['a function that returns the promise of its query', (tx, text, values) => tx.query(text, values)],
  ['commitWith', (tx, text, values) => tx.commitWith(text, values)],
]

describe.each(WAYS)('%s', (_, last) => {
  test('gives the result, and all is committed', async () => {
    const result = await pool.transaction((tx) => {
      void tx.query(insert('first'))
      return last(tx, insert('last').text, ['last'])
    })
    expect(result).toMatchObject({ command: 'INSERT', rows: [{ text: 'last' }], servedBy: { server: 'nrt' } })
    expect(await notes()).toEqual(['first', 'last'])
  })

  test('that fails: nothing is committed, and the error is its own', async () => {
    const failing = pool.transaction(async (tx) => {
      await tx.query(insert('first'))
      await last(tx, 'select 1 / $1::int', [0])
    })
    await expect(failing).rejects.toMatchObject(DIVISION)
    const alone = pool.transaction((tx) => last(tx, 'select 1 / $1::int', [0]))
    await expect(alone).rejects.toMatchObject(DIVISION)
    const unsendable = pool.transaction((tx) => last(tx, insert('').text, [{ toPostgres: () => JSON.parse('{') }]))
    await expect(unsendable).rejects.toBeInstanceOf(SyntaxError)
    expect(await notes()).toEqual([])
    await until(() => pool.idleCount === pool.totalCount, 'all of its connections to be idle')
  })

  test('that only COMMIT refuses: nothing is committed, and it rejects with that', async () => {
    const failing = pool.transaction((tx) => last(tx, "insert into notes values ('a', 'missing')"))
    await expect(failing).rejects.toMatchObject({ code: '23503' })
    expect(await notes()).toEqual([])
  })

  test('behind one that failed unseen: nothing is committed', async () => {
    const failing = pool.transaction((tx) => {
      void tx.query('select 1/0')
      return last(tx, insert('last').text, ['last'])
    })
    await expect(failing).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:22012|25P02|NEAREST_ROLLED_BACK)$/),
    })
    expect(await notes()).toEqual([])
  })

  test('whose connection dies under it: the outcome is unknown, and it is not run again', async () => {
    const holder = await pools.start({ primary: world.url('nrt') })
    const client = await holder.connect()
    await client.query('begin')
    await client.query('lock table notes')
    const dying = rejectionOf(
      pool.transaction((tx) => last(tx, insert('last').text, ['last'])),
      'the transaction',
    )
    await terminate(world.url('nrt'), 'insert into notes')
    expect(isOutcomeUnknownError(await dying)).toBe(true)
    await client.query('rollback')
    client.release()
    expect(await notes()).toEqual([])
  })
})

test('a query with a limit of its own, which may end it while the server goes on: COMMIT waits for it', async () => {
  const stop = new AbortController()
  const slow = { text: "insert into notes select 'slow' from pg_sleep(0.2)", signal: stop.signal }
  const aborted = rejectionOf(
    pool.transaction((tx) => tx.query(slow)),
    'the transaction',
  )
  const committing = rejectionOf(
    pool.transaction((tx) => tx.commitWith(slow)),
    'the transaction',
  )
  setTimeout(() => stop.abort(new Error('enough')), 100)
  expect([await aborted, await committing]).toEqual([new Error('enough'), new Error('enough')])
  expect(await notes()).toEqual([])
})

test('after commitWith the transaction is over: what follows is refused, and what is thrown undoes nothing', async () => {
  const thrown = new Error('too late')
  let refusal: Promise<unknown> | undefined
  const late = pool.transaction(async (tx) => {
    const committing = tx.commitWith(insert('committed'))
    refusal = rejectionOf(tx.query(insert('late')), 'the late one')
    await expect(tx.commitWith(insert('later'))).rejects.toMatchObject(OVER)
    await committing
    throw thrown
  })
  await expect(late).rejects.toBe(thrown)
  expect(await refusal).toMatchObject(OVER)
  expect(await notes()).toEqual(['committed'])
})

test('a commitWith that nobody waits for is waited for, and its failure passed on', async () => {
  await settled(
    pool.transaction((tx) => void tx.commitWith(insert('a'))),
    'the transaction',
  )
  await expect(pool.transaction((tx) => void tx.commitWith(insert('a')).catch(() => undefined))).rejects.toMatchObject({
    code: 'NEAREST_ROLLED_BACK',
    cause: { code: '23505' },
  })
  expect(await notes()).toEqual(['a'])
})

test('it takes what has a promise only', async () => {
  const given = pool.transaction((tx) => tx.commitWith('select 1', (() => undefined) as never))
  await expect(given).rejects.toThrow(/returns a promise/)
})

test.each([
  ['one database', () => ({ primary: world.url('nrt') })],
  ['no pipelining', () => ({ ...world.poolOptions('ord'), pipeline: false })],
])('with %s it is the same', async (_, options) => {
  const plain = await pools.start(options())
  await plain.transaction((tx) => tx.query(insert('a')))
  await plain.transaction((tx) => tx.commitWith(insert('b')))
  await expect(plain.transaction((tx) => tx.commitWith(insert('a')))).rejects.toMatchObject({ code: '23505' })
  expect(await notes()).toEqual(['a', 'b'])
})
